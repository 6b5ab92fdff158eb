import { lookup } from 'node:dns/promises'
import { createServer, isIP } from 'node:net'

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
export async function wrongWithHost(host: string): Promise<string | undefined> {
  if (!isIP(host) && !(await lookup(host).catch(() => undefined)))
    return `the name "${host}" does not resolve. Check its spelling; ${onlyOwn}`
  const code = await bindCode(host, 0)
  return code === undefined || code === 'EMFILE' ? undefined : words(code)
}

/** Says in a sentence why the server cannot listen there. The runtime itself reports every failure as a port in use. */
export async function bindWords({ host, port }: { readonly host: string; readonly port: number }, thrown: unknown) {
  const why = (await wrongWithHost(host)) ?? words((await bindCode(host, port)) ?? codeOf(thrown), thrown)
  return `Cannot listen on ${host}:${port}: ${why}.\n`
}

function words(code: string, thrown?: unknown): string {
  return reasons[code] ?? (thrown instanceof Error ? thrown.message : `the system refuses it (${code})`)
}

/** The system's error code for listening there; undefined if it works. */
function bindCode(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(codeOf(error)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no code'
}
