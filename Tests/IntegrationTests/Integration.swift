import TestSupport
import Testing

/// Everything that needs real processes: one cluster at a time, since each takes all cores.
@Suite(.serialized, .clusterLogs, .timeLimit(.minutes(5))) enum Integration {}

/// Short in the gate, long on demand: what each suite's environment variable says decides.
@Suite(.serialized, .clusterLogs, .timeLimit(.minutes(60))) enum Campaigns {}
