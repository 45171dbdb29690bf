import DaemonSupport
import SystemCalls

/// tessera-web: reads its settings, then serves the page and the API until it is told to stop; or makes a token, or a link.
@main
enum GatewayMain {
    static func main() async {
        ThisProcess.limitAllocatorArenas(to: 2)
        switch CommandLine.arguments.dropFirst().first {
        case TokenCommand.name: TokenCommand.run()
        case LinkCommand.name: LinkCommand.run()
        default: break
        }
        let program = DaemonMain(
            name: "tessera-web",
            summary:
                "Serves Tessera's page and HTTP API to browsers and programs. 'tessera-web token --help' is about tokens, "
                + "'tessera-web link' prints a new link to sign in.",
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
