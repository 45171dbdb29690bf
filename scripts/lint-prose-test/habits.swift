// Every habit that scripts/lint-prose.pl knows, and what it has to leave alone. Not compiled; `expected` lists the findings.

/// Of the results of this release.
let revision = 1
/// As `result`.
let other = 2
/// That came since the handshake.
let frames: [Int] = []
/// The same of the bytes of control frames.
let bytes = 0
/// Says that this is no address, and that none is known.
let address = "text"
/// A message. Who finds no room gets a time of its own, whoever it is.
let refusal = 3
/// A limit. What goes beyond it is refused.
let limit = 4
/// A message that is split over two lines, which happens so
/// many times.
let split = "lost for good " + "where it lies; it stands there"
// Each frame bears a number and goes on; it is planned anew, meanwhile, and looked at beforehand, in vain.
let text = "it can not be opened in this folder"
/// Keeps one connection a task, and 16 bytes a sample.
let colours = 5
/// A lease with an epoch, in a run with a planted bug. The peer is turned away, its lease taken up again.
func keepHouse() {}
// The master keeps house; its opponents are run over drawn cases where nobody listens. The color is gray.
@Test func `a client that can not connect waits`() {}
let escaped = "a \"quoted\" word and \(value("so many")) that is no number"
// lint-prose: allow lies: the word of a quotation is not ours
/// An address where it lies, allowed by the line before.
let quotation = 6
// lint-prose: allow lies
let unreasoned = 7
// lint-prose: off: a table of habits
// This is no finding, so many times.
// lint-prose: on
// This is no exception any more.
/// A parameter's description is read as well.
///
/// - Parameters:
///   - name: so many names.
let parameter = """
    A text of several lines, which
    goes on in the third.
    """
