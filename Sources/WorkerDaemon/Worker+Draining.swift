import Protocol

/// The end of a worker's leases before it stops.
extension Worker {
    func setDraining(_ on: Bool) {
        guard on != board.isOrderedToDrain else { return }
        logger.notice(on ? "draining: no new leases" : "taking leases again")
        if on { perform(board.drainBegan()) } else { board.drainEnded() }
        show()
    }

    /// Drains and tells the master; returns when all work is done and acknowledged, at the latest two seconds after `timeout`, when
    /// running leases are handed back.
    func drain(timeout: Duration) async {
        connection?.send(.drain(WireDrain()))
        setDraining(true)
        if await becomesIdle(within: timeout) { return }
        logger.warning("the drain timeout is over: handing back the leases that still run")
        perform(board.drainExpired())
        _ = await becomesIdle(within: .seconds(2))
    }

    private func becomesIdle(within timeout: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.waitUntilIdle()
                return true
            }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return false
            }
            defer { group.cancelAll() }
            let isIdle = await group.next() ?? false
            if !isIdle { releaseIdleWaiters() }
            return isIdle
        }
    }

    /// Whether no lease is held.
    var isIdle: Bool { board.isIdle }

    private func waitUntilIdle() async {
        if board.isIdle { return }
        await withCheckedContinuation { idleWaiters.append($0) }
    }

    func releaseIdleWaiters() {
        for waiter in idleWaiters { waiter.resume() }
        idleWaiters.removeAll()
    }
}
