import { isIP } from 'node:net'
import type { Network } from '../flow/network.ts'

const onlyOwn = 'HOST=127.0.0.1 is for this machine alone, 0.0.0.0 for all'

/** The reason for each code of the system. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port. PORT=0 picks a free one',
  EACCES: 'this user is not allowed to. Any user may use a PORT over 1023',
  EADDRNOTAVAIL: `this machine has no such address. ${onlyOwn}`,
  EAFNOSUPPORT: `this machine does not support that kind of address. ${onlyOwn}`,
  EMFILE: 'this process has no descriptor left. Raise its limit (ulimit -n)',
}

/** Why no program on this machine can listen on a name or an address, on any port; undefined if one can. */
export async function wrongWithHost(host: string, network: Network): Promise<string | undefined> {
  if (!isIP(host) && !(await network.lookUp(host).catch(() => undefined)))
    return `the name "${host}" does not resolve. Check its spelling; ${onlyOwn}`
  const code = await network.tryToListen(host, 0)
  return code === undefined || code === 'EMFILE' ? undefined : words(code)
}

interface BindTarget {
  readonly host: string
  readonly port: number
}

/** Says in a sentence why the server cannot listen there. The runtime itself reports every failure as a port in use. */
export async function bindWords({ host, port }: BindTarget, network: Network, thrown: unknown): Promise<string> {
  const why =
    (await wrongWithHost(host, network)) ?? words((await network.tryToListen(host, port)) ?? codeOf(thrown), thrown)
  return `Cannot listen on ${host}:${port}: ${why}.\n`
}

function words(code: string, thrown?: unknown): string {
  return reasons[code] ?? (thrown instanceof Error ? thrown.message : `the system refuses it (${code})`)
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no code'
}
