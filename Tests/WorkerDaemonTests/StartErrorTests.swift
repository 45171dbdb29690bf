import Testing

@testable import WorkerDaemon

@Suite struct StartErrorTests {
    @Test func `a world that does not come up is explained to people, with what mpirun wrote`() {
        let error = WorldError.notStarted("mpirun ended before all ranks were up", outputTail: "no memory\nbye\n")
        #expect("\(error)" == "mpirun ended before all ranks were up\n  | no memory\n  | bye")
        #expect("\(WorldError.notStarted("cannot create a directory", outputTail: ""))" == "cannot create a directory")
    }
}
