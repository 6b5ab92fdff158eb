import { ipVersion } from '../flow/ip-address.ts'
import type { Network } from '../flow/network.ts'

const hostHint = 'HOST=127.0.0.1 only accepts this machine, and 0.0.0.0 accepts all'

/** The reason for each code of the system. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port. PORT=0 picks a free one',
  EACCES: 'this user may not use this port. Any user may use a PORT over 1023',
  EADDRNOTAVAIL: `this machine has no such address. ${hostHint}`,
  EAFNOSUPPORT: `this machine does not support that kind of address. ${hostHint}`,
  EMFILE: 'this process has no descriptor left. Raise its limit (ulimit -n)',
}

/** Why no program on this machine can listen on a name or an address, on any port; undefined if one can. */
export async function findHostProblem(host: string, network: Network): Promise<string | undefined> {
  if (!ipVersion(host) && !(await network.lookUp(host).catch(() => undefined)))
    return `the name "${host}" does not resolve. Check its spelling; ${hostHint}`
  const code = await network.tryToListen(host, 0)
  return code === undefined || code === 'EMFILE' ? undefined : explainCode(code)
}

interface BindTarget {
  readonly host: string
  readonly port: number
}

/** Says in a sentence why the server cannot listen there. The runtime itself reports every failure as a port in use. */
export async function explainBindFailure(
  { host, port }: BindTarget,
  network: Network,
  thrown: unknown,
): Promise<string> {
  const why =
    (await findHostProblem(host, network)) ??
    explainCode((await network.tryToListen(host, port)) ?? codeOf(thrown), thrown)
  return `Cannot listen on ${host}:${port}: ${why}.\n`
}

function explainCode(code: string, thrown?: unknown): string {
  return reasons[code] ?? (thrown instanceof Error ? thrown.message : `the system refuses it (${code})`)
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no code'
}
