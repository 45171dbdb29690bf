import SystemCalls

/// Writes a line to the standard error stream, which mpirun passes on to the worker.
func printLine(_ line: String) { StandardError.write("tessera-rank: \(line)\n") }
