import DaemonSupport
import SystemCalls

/// tessera-web: reads its settings, then serves the page and the API until it is told to stop; or makes a token.
@main
enum GatewayMain {
    static func main() async {
        ThisProcess.limitAllocatorArenas(to: 2)
        if CommandLine.arguments.dropFirst().first == TokenCommand.name { TokenCommand.run() }
        let program = DaemonMain(
            name: "tessera-web",
            summary:
                "Serves Tessera's page and HTTP API to browsers and programs. 'tessera-web token --help' is about tokens.",
            settings: GatewaySettings.table)
        await program.run { settings in
            let gateway = try GatewaySettings(settings)
            return DaemonMain.Launch(logLevel: gateway.logLevel, shutdownLimit: .seconds(20), hangup: .stops) {
                logger in
                GatewayService(settings: gateway, logger: logger)
            }
        }
    }
}
