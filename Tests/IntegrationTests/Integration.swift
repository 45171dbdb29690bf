import TestSupport
import Testing

/// Everything that needs real processes: one cluster at a time, since each takes all cores.
@Suite(.serialized, .clusterLogs, .timeLimit(.minutes(5))) enum Integration {}
