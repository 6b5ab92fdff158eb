import { clientName, fingerprint } from '../chat/client.ts'
import type { Config } from '../config/config.ts'

/** Shows the configuration that a start would use; that it is valid has been seen to. */
export function check(config: Config): number {
  const { host, port, keys, policy, deadlines, state, upstreams, panels, tools } = config
  const rows: [string, string][] = [
    ['listens on', `${host}:${port}`],
    [
      'client keys',
      keys.length > 0
        ? `${keys.length}, in the log as ${keys.map((key) => fingerprint(clientName(key.reveal()))).join(' ')}`
        : `none: ${policy.isPublic ? 'everybody who can reach it' : 'only this machine'} may ask`,
    ],
    ['CORS origins', policy.corsOrigins?.join(', ') ?? (policy.hasKeys ? '*' : 'none')],
    ['body limit', `${config.maxBodyBytes} bytes`],
    [
      'deadlines',
      `first event ${deadlines.firstEventMs / 1000} s, whole reply ${deadlines.wholeMs / 1000} s, silence ${deadlines.idleMs / 1000} s`,
    ],
    ['keep-alive', `every ${config.keepAliveMs / 1000} s`],
    ['state', state.kind === 'memory' ? 'memory: gone with the process' : state.file],
    ['log', `${config.logLevel}, ${config.logFormat}`],
    ...upstreams.map(({ name, accounts, models }): [string, string] => [
      `upstream ${name}`,
      `${accounts.map(({ label }) => label).join(', ')}; models ${models ? models.map(({ id }) => id).join(', ') : 'as it lists them'}`,
    ]),
    ...panels.map(({ name, members }): [string, string] => [
      `route ${name}`,
      members.map(({ address }) => address).join(' + '),
    ]),
    ...tools.servers.map(({ name, transport }): [string, string] => [`tools of ${name}`, transport]),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  process.stdout.write(
    `${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\nThe configuration is valid.\n`,
  )
  return 0
}
