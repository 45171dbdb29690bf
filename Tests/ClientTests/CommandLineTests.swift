import ArgumentParser
import ClientKit
import Foundation
import JobModel
import TestBasics
import Testing

@testable import Client

/// What is written on a command line, before anything else is done with it.
@Suite struct CommandLineTests {
    private func plain(_ words: [String], files: Set<String> = []) throws -> [String] {
        try CommandLineWords.plain(words) { files.contains($0) }
    }

    // MARK: Words that begin with a dash

    @Test(arguments: ["-beach.png", "-h.png", "-cash", "--json.png", "--help me.png", "-o.png", "-1", "--x=y.png"])
    func `a file whose name begins with a dash is that file`(_ name: String) throws {
        let words = try plain(["run", "invert", "a.png", name, "-o", "out/"], files: [name])
        #expect(words == ["run", "invert", "a.png", "./" + name, "-o", "out/"])
        let run = try #require(try Tessera.parseAsRoot(words) as? Run)
        #expect(run.files == ["a.png", "./" + name])
    }

    @Test(arguments: ["-beach.png", "-hello", "-xyz", "-oh.png", "-5"])
    func `a word with a dash that is neither an option nor a file is explained, and does not ask for help`(
        _ word: String
    ) async {
        let error = #expect(throws: ClientError.self) { try plain(["run", "invert", word]) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains("'\(word)' begins with '-'") == true)
        #expect(error?.message.contains("./\(word)") == true)
    }

    @Test func `a negative number is sent into the pipeline's quotes`() {
        let error = #expect(throws: ClientError.self) { try plain(["run", "rotate", "-90", "a.png"]) }
        #expect(error?.message.contains("'-90' begins with '-'") == true)
        #expect(error?.message.contains("; a negative number belongs into the pipeline's quotes; ") == true)
    }

    @Test func `everything after two dashes is a file, and one dash is standard input`() throws {
        let words = ["run", "invert", "-", "--", "-beach.png", "--json", "-o"]
        #expect(try plain(words) == words)
    }

    @Test(
        arguments: [
            (["-o", "-out.png"], ["--output=-out.png"]), (["--output", "-out.png"], ["--output=-out.png"]),
            (["--limit", "-1"], ["--limit=-1"]), (["--roi", "-1,0,10,10"], ["--roi=-1,0,10,10"]),
            (["--priority", "-5"], ["--priority=-5"]), (["--image", "-1"], ["--image=-1"]),
            (["-o", "-"], ["-o", "-"]),
            (["-o", "--json"], ["-o", "--json"]), (["--master", "--json"], ["--master", "--json"]),
            (["--limit=-1"], ["--limit=-1"]),
        ] as [([String], [String])])
    func `an option's value may begin with a dash`(_ words: [String], expected: [String]) throws {
        #expect(try plain(words) == expected)
    }

    /// The parser's message for a command line that it refuses.
    private func refusal(_ words: [String], sourceLocation: SourceLocation = #_sourceLocation) -> String {
        do {
            _ = try Tessera.parseAsRoot(words)
            Issue.record("\(words) is taken", sourceLocation: sourceLocation)
            return ""
        } catch {
            return Tessera.message(for: error)
        }
    }

    @Test func `values out of range are refused with the range, also below zero`() throws {
        for limit in ["-1", "0", "100001"] {
            let words = try plain(["jobs", "--limit", limit])
            #expect(refusal(words).contains("--limit \(limit): must be from 1 to 100000"))
        }
        let words = try plain(["fetch", "17", "--image", "-1"])
        #expect(refusal(words).contains("--image -1: must be a position from 0 on"))
    }

    @Test func `two places of results are refused`() {
        for words in [["-o", "a.png", "-o", "b.png"], ["-o", "a.png", "--output=b.png"]] {
            let error = #expect(throws: ClientError.self) { try plain(["run", "invert", "x.png"] + words) }
            #expect(error?.message.contains("more than once") == true)
        }
    }

    @Test(arguments: [["--files-from"], ["--roi"], ["--image"]])
    func `a second value that would replace the first is refused`(_ option: [String]) {
        for words in [option + ["a"] + option + ["b"], option + ["a", option[0] + "=b"]] {
            let error = #expect(throws: ClientError.self) { try plain(["run", "invert", "x.png"] + words) }
            #expect(error?.message.hasPrefix("\(option[0]) is given more than once, but ") == true)
        }
        #expect(throws: Never.self) { try plain(["jobs", "--state", "done", "--state", "failed"]) }
    }

    @Test(
        arguments: [
            ("-v", "unknown option -v; did you mean --version?"), ("-V", "unknown option -V; did you mean --version?"),
            ("jobs -n 3", "unknown option -n; did you mean --limit 3?"),
            ("status -1", "unknown option -1; 'tessera help status' lists the options"),
            ("ops -x", "unknown option -x; 'tessera help ops' lists the options"),
            ("ops -n 3", "unknown option -n; 'tessera help ops' lists the options"),
            ("fetch 17 -oout/", "unknown option -oout/; -o and its value are two words: -o out/"),
        ])
    func `where no files are taken, a word with a dash is an unknown option`(_ line: String, _ words: String) async {
        let line = line.split(separator: " ").map(String.init)
        // A file of that name changes nothing.
        let error = #expect(throws: ClientError.self) { try plain(line, files: Set(line)) }
        #expect(error == .usage(words))
        #expect(await Tessera.run(line) == .usage)
    }

    @Test(
        arguments: [
            ("--json jobs", "put --json behind the command: tessera jobs --json"),
            (
                "--master m:1 --json status 17",
                "put --master m:1 --json behind the command: tessera status 17 --master m:1 --json"
            ), ("--master=m:1 jobs", "put --master=m:1 behind the command: tessera jobs --master=m:1"),
        ])
    func `options before the command are put behind it`(_ line: String, _ words: String) async {
        let line = line.split(separator: " ").map(String.init)
        #expect(UnknownCommand.complaint(line, of: Tessera.self) == .usage(words))
        #expect(await Tessera.run(line) == .usage)
        for other in [["--help", "run"], ["--version"], ["--json"], ["--nosuch", "run"], ["-h"]] {
            #expect(UnknownCommand.complaint(other, of: Tessera.self) == nil)
        }
    }

    @Test func `a parameter that is written like an option is put into the quotes`() throws {
        for words in [["gaussian-blur", "--sigma=3", "a.png"], ["gaussian-blur", "--sigma", "3", "a.png"]] {
            let error = #expect(throws: ClientError.self) { try plain(["run"] + words) }
            #expect(
                error?.message
                    == "\(words[1]) is not an option: sigma is a parameter of gaussian-blur, and belongs into the pipeline's "
                    + "quotes: tessera run 'gaussian-blur sigma=3' FILE")
        }
        // Other words are the parser's to explain.
        #expect(try plain(["run", "invert", "--sigma=3", "a.png"]) == ["run", "invert", "--sigma=3", "a.png"])
        #expect(try plain(["jobs", "--sigma=3"]) == ["jobs", "--sigma=3"])
    }

    @Test func `every option of every command is known to the reader of words`() throws {
        for (_, command) in try CommandTree.commands() {
            for argument in command.arguments ?? [] where argument.kind != "positional" {
                for name in argument.names ?? [] {
                    let word = (name.kind == "long" ? "--" : "-") + name.name
                    let known = argument.kind == "option" ? CommandLineWords.options : CommandLineWords.switches
                    #expect(known.contains(word), "\(word)")
                }
            }
        }
    }

    // MARK: Commands

    @Test(arguments: [
        ("runn invert x.png", "'tessera' has no command 'runn'; did you mean 'tessera run'?"),
        ("job", "did you mean 'tessera jobs'?"), ("version", "did you mean 'tessera --version'?"),
        ("ls", "did you mean 'tessera jobs'?"), ("worker", "did you mean 'tessera workers'?"),
        ("dead lst", "'tessera dead' has no command 'lst'; did you mean 'tessera dead list'?"),
        ("dead-letters lst", "did you mean 'tessera dead-letters list'?"),
        ("help nosuch", "'tessera' has no command 'nosuch'; tessera help lists the commands"),
        ("help dead lst", "did you mean 'tessera dead list'?"),
        ("photo.png invert", "'tessera' has no command 'photo.png'"), ("RUN x", "did you mean 'tessera run'?"),
        ("dead x", "there are: list, show, redrive, purge"),
    ])
    func `an unknown command is named, with the one that was meant`(_ line: String, expected: String) async {
        let words = line.split(separator: " ").map(String.init)
        let error = UnknownCommand.complaint(words, of: Tessera.self)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "nil")")
        #expect(await Tessera.run(words) == .usage)
    }

    @Test(arguments: [
        "run invert x", "dead list", "help run", "help", "help dead show", "--version", "", "dead", "dead-letters",
    ])
    func `known commands are left to the parser`(_ line: String) {
        #expect(UnknownCommand.complaint(line.split(separator: " ").map(String.init), of: Tessera.self) == nil)
    }

    // MARK: Forgotten quotes

    private func words(
        _ pipeline: String, _ files: String..., options: [String] = [], existing: Set<String> = ["a.png", "b c.png"],
        directories: Set<String> = []
    ) -> PipelineWords {
        PipelineWords(command: "run", pipeline: pipeline, files: files, options: options) {
            existing.contains($0) ? .regular : directories.contains($0) ? .directory : nil
        }
    }

    /// The command that a complaint advises.
    private func advice(_ words: PipelineWords) -> String? {
        words.complaint?.message.split(separator: "\n").last.map { String($0.drop { $0 == " " }) }
    }

    @Test func `forgotten quotes are recognised by every part of a pipeline, at any position`() {
        #expect(
            words("gaussian-blur", "sigma=3", "a.png").complaint
                == .usage(
                    "'sigma=3' is not a file; it looks like a part of the pipeline, which is one argument, in quotes:\n"
                        + "  tessera run 'gaussian-blur sigma=3' a.png"))
        #expect(advice(words("gaussian-blur", "a.png", "sigma=3")) == "tessera run 'gaussian-blur sigma=3' a.png")
        #expect(advice(words("gaussian-blur", "sigma=3")) == "tessera run 'gaussian-blur sigma=3' FILE")
        #expect(advice(words("sobel", "invert", "a.png")) == "tessera run 'sobel | invert' a.png")
        #expect(
            advice(words("gaussian-blur", "sigma=3", "|", "canny", "low=5", "a.png"))
                == "tessera run 'gaussian-blur sigma=3 | canny low=5' a.png")
        #expect(advice(words("sobel", "@archive", "b c.png")) == "tessera run 'sobel | @archive' 'b c.png'")
        #expect(
            advice(words("blur", "sgima=3", "a.png", "a.png", "a.png")) == "tessera run 'blur sgima=3' a.png a.png ...")
        #expect(advice(words("crop", "x=1", "y=2.png", "a.png")) == "tessera run 'crop x=1 y=2.png' a.png")
    }

    @Test(
        arguments: [
            ("flip vertical", "flip axis=vertical"), ("rotate 90", "rotate degrees=90"),
            ("gaussian-blur 3", "gaussian-blur sigma=3"), ("gaussian-blur 1.5", "gaussian-blur sigma=1.5"),
            ("median size 5", "median size=5"), ("gaussian-blur sigma = 3", "gaussian-blur sigma=3"),
            ("gaussian-blur sigma= 3", "gaussian-blur sigma=3"), ("gaussian-blur sigma =3", "gaussian-blur sigma=3"),
            ("canny 50 150", "canny low=50 high=150"), ("invert gausian-blur", "invert | gaussian-blur"),
            ("gausian-blur 3", "gaussian-blur sigma=3"), ("sobel | rotate 180", "sobel | rotate degrees=180"),
        ])
    func `a bare word among the files is refused, with the pipeline that it may have meant`(
        _ line: String, _ meant: String
    ) {
        let parts = line.split(separator: " ").map(String.init)
        let words = PipelineWords(
            command: "run", pipeline: parts[0], files: Array(parts.dropFirst()) + ["a.png"], options: ["-o", "x y/"]
        ) { $0 == "a.png" ? .regular : nil }
        #expect(words.complaint?.status == .usage)
        #expect(advice(words) == "tessera run '\(meant)' a.png -o 'x y/'")
    }

    @Test func `a bare word that fits no pipeline is refused all the same`() {
        #expect(
            words("sepia", "strong", "a.png", options: ["-o", "x/"]).complaint
                == .usage(
                    "no file is called 'strong'. If the word is part of the pipeline, put the whole pipeline in quotes:\n"
                        + "  tessera run 'sepia' a.png -o x/"))
        #expect(advice(words("rotate", "left", "a.png")) == "tessera run 'rotate degrees=...' a.png")
        #expect(
            advice(words("flip", "vertical", options: ["--files-from", "list"]))
                == "tessera run 'flip axis=vertical' --files-from list")
        // A directory is an input that is refused later, unless its name makes sense in the pipeline.
        #expect(words("invert", "scans", "a.png", directories: ["scans"]).complaint == nil)
        #expect(
            advice(words("flip", "both", "a.png", directories: ["both"])) == "tessera run 'flip axis=both' a.png")
    }

    @Test func `a place for results among the files is recognised`() {
        #expect(
            words("invert", "a.png", "out.png").complaint
                == .usage(
                    "'out.png' is not there; did you mean -o out.png?\n  tessera run 'invert' a.png -o out.png"))
        #expect(advice(words("invert", "a.png", "out/")) == "tessera run 'invert' a.png -o out/")
        #expect(advice(words("invert", "a.png", "out")) == "tessera run 'invert' a.png -o out/")
        #expect(
            words("invert", "a.png", "b c.png", "out", directories: ["out"]).complaint
                == .usage(
                    "'out' is a directory; did you mean -o out/?\n  tessera run 'invert' a.png 'b c.png' -o out/"))
        #expect(words("invert", "a.png", "b c.png", "gone.png").complaint == nil)
        #expect(words("invert", "a.png", "gone.png", options: ["-o", "x/"]).complaint == nil)
    }

    @Test func `a file within the quotes is put behind them`() {
        #expect(
            words("gaussian-blur sigma=3 a.png", options: ["-o", "x.png"]).complaint
                == .usage(
                    "'a.png' is within the quotes of the pipeline, but files come behind them:\n"
                        + "  tessera run 'gaussian-blur sigma=3' a.png -o x.png"))
        #expect(advice(words("invert gone.png")) == "tessera run 'invert' gone.png")
        #expect(advice(words("invert > x.png", "a.png")) == "tessera run 'invert' a.png -o x.png")
        #expect(advice(words("invert <a.png >x.png")) == "tessera run 'invert' a.png -o x.png")
        #expect(advice(words("sobel | invert a.png -o x.png")) == "tessera run 'sobel | invert' a.png -o x.png")
        // A wrong operation is the parser's to explain.
        #expect(words("gausian-blur a.png").complaint == nil)
    }

    @Test func `a directory is not taken for a file in the place of the pipeline`() {
        #expect(words("edges", "a.png", directories: ["edges"]).complaint == nil)
        #expect(words("rotate", "a.png", existing: ["rotate", "a.png"]).complaint == nil)
        #expect(words("edges", "a.png", existing: ["edges", "a.png"]).complaint?.message.contains("is a file") == true)
    }

    @Test func `files are files, whatever they are called`() {
        #expect(words("invert", "a.png", "-", "missing.png", "no/sigma=3").complaint == nil)
        #expect(words("invert", "sigma=3", "sobel", existing: ["sigma=3", "sobel"]).complaint == nil)
        #expect(words("invert", "holiday=2024.png").complaint == nil)
    }

    @Test func `a file in the place of the pipeline is recognised, and the pipeline among the files`() {
        #expect(
            words("a.png", "invert").complaint
                == .usage("'a.png' is a file, but the pipeline comes first:\n  tessera run 'invert' a.png"))
        #expect(
            words("a.png", "b c.png", "median size=3").complaint?.message.hasSuffix(
                "tessera run 'median size=3' a.png 'b c.png'") == true)
        #expect(
            words("a.png", "missing.png").complaint?.message.hasSuffix("tessera run 'PIPELINE' a.png missing.png")
                == true)
        #expect(words("gone.jpg", "invert").complaint?.message.hasPrefix("'gone.jpg' looks like a file") == true)
        // A wrong pipeline is the parser's to explain, and a right one may be called like a file.
        #expect(words("invrt", "a.png").complaint == nil)
        #expect(words("watermark image=logo.png", "a.png").complaint == nil)
        #expect(words("invert", "a.png", existing: ["invert", "a.png"]).complaint == nil)
    }

    @Test(arguments: [["run"], ["submit", "--detach"], ["verify"]])
    func `nothing is computed of a pipeline without quotes`(_ command: [String]) async throws {
        // No master is there: that it is not asked shows in the exit status.
        try await withTemporaryDirectory { directory in
            let file = directory + "/a.png"
            try TestFiles.write("image", to: file)
            let nobody = ["--master", "127.0.0.1:1", "--reconnect-timeout", "0s"]
            #expect(await Tessera.run(command + ["gaussian-blur", "sigma=3", file] + nobody) == .usage)
            #expect(await Tessera.run(command + ["flip", "vertical", file] + nobody) == .usage)
            #expect(await Tessera.run(command + ["sepia", "strong", file, "--json"] + nobody) == .usage)
            #expect(await Tessera.run(command + ["invert \(file)"] + nobody) == .usage)
            #expect(await Tessera.run(command + [file, "invert"] + nobody) == .usage)
            #expect(await Tessera.run(command + [file] + nobody) == .usage)
            #expect(await Tessera.run(command + ["invert"] + nobody) == .usage)
        }
    }

    @Test(arguments: ["run", "submit", "verify"])
    func `a list of files stands for files, and a pipeline is looked for beside it, too`(_ command: String) async {
        #expect(throws: Never.self) { try Tessera.parseAsRoot([command, "invert", "--files-from", "list"]) }
        let nobody = ["--master", "127.0.0.1:1", "--reconnect-timeout", "0s"]
        let words = [command, "gaussian-blur", "sigma=3", "--files-from", "/nonexistent/list"]
        #expect(await Tessera.run(words + nobody) == .usage)
    }

    // MARK: Jobs and images

    @Test(arguments: [
        "status", "watch", "wait", "fetch", "dead list", "dead show", "dead redrive", "dead purge", "jobs --before",
        "cancel",
    ])
    func `a job and an image of it can be named wherever one of them can`(_ line: String) throws {
        let command = line.split(separator: " ").map(String.init)
        #expect(throws: Never.self) { try Tessera.parseAsRoot(command + ["17"]) }
        if line == "cancel" {
            #expect(refusal(command + ["17.3"]).contains("tessera cancel 17"))
        } else {
            #expect(throws: Never.self) { try Tessera.parseAsRoot(command + ["17.3"]) }
        }
        for wrong in ["x", "17.", ".3", "17.x", "17.3.1", "", "0x11", "17,3"] {
            #expect(refusal(command + [wrong]).contains("such as 17"), "\(wrong)")
        }
    }

    @Test func `an image is fetched by either of its names`() throws {
        func fetch(_ words: String...) throws -> Fetch {
            try #require(try Tessera.parseAsRoot(["fetch"] + words) as? Fetch)
        }
        #expect(try fetch("17.3").chosenImage() == 3)
        #expect(try fetch("17", "--image", "3").chosenImage() == 3)
        #expect(try fetch("17", "--image", "17.3").chosenImage() == 3)
        #expect(try fetch("17").chosenImage() == nil)
        #expect(throws: (any Error).self) { try fetch("17.3", "--image", "4") }
        #expect(throws: (any Error).self) { try fetch("17", "--image", "18.3") }
    }

    @Test func `jobs to cancel are named, or all of a kind`() throws {
        #expect(throws: Never.self) { try Tessera.parseAsRoot(["cancel", "17", "18"]) }
        #expect(throws: Never.self) { try Tessera.parseAsRoot(["cancel", "--mine"]) }
        for wrong in [[], ["17", "--all"], ["--mine", "--all"]] {
            #expect(throws: (any Error).self) { try Tessera.parseAsRoot(["cancel"] + wrong) }
        }
    }

    @Test func `jobs are chosen by state, submitter and age`() throws {
        let job = JobSummary(id: JobID(1), state: .partlyFailed, submitter: "ada", submittedAt: 5000)
        #expect(JobFilter().admits(job))
        #expect(JobFilter(states: [.failed, .partlyFailed], submitter: "ada", since: 5000).admits(job))
        #expect(!JobFilter(states: [.failed]).admits(job))
        #expect(!JobFilter(submitter: "bob").admits(job))
        #expect(!JobFilter(since: 5001).admits(job))
        #expect(try JobFilter.state("partly-failed") == .partlyFailed)
        let error = #expect(throws: ValidationError.self) { try JobFilter.state("runing") }
        #expect(error?.message == "did you mean running?")
        #expect(JobFilter.age("2h") == 7_200_000 && JobFilter.age("yesterday") == nil)
    }

    // MARK: Help

    @Test func `the usage of every command fits a line, and every command shows examples`() throws {
        for (path, command) in try CommandTree.commands()
        where (command.subcommands ?? []).isEmpty && path.first != "help" {
            let help = Tessera.helpMessage(for: try #require(commandType(at: path)), columns: 80)
            let usage = help.split(separator: "\n").filter {
                $0.hasPrefix("USAGE: ") || $0.hasPrefix("       tessera ")
            }
            #expect(!usage.isEmpty && usage.allSatisfy { $0.count <= 80 }, "\(usage)")
            // A line that is indented is an example: broken in two, it cannot be pasted.
            let type = try #require(commandType(at: path))
            for line in type.configuration.discussion.split(separator: "\n") where line.hasPrefix("  ") {
                #expect(line.count <= 80 && help.contains("\(line)\n"), "\(line)")
            }
            if path.first != "dead" { #expect(help.contains("Examples:\n"), "\(path)") }
        }
    }

    private func commandType(at path: [String]) -> (any ParsableCommand.Type)? {
        path.reduce(Tessera.self as (any ParsableCommand.Type)?) { command, name in
            command?.configuration.subcommands.first { $0._commandName == name }
        }
    }
}
