import { lookup } from 'node:dns/promises'
import { createServer, isIP } from 'node:net'

const onlyOwn = 'HOST=127.0.0.1 is for this machine alone, 0.0.0.0 for all'

/** By the system's word for it. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program is there. PORT=0 picks a free port',
  EACCES: 'this user may not. A PORT over 1023 is free to everybody',
  EADDRNOTAVAIL: `this machine has no such address. ${onlyOwn}`,
  EAFNOSUPPORT: `this machine does not speak that kind of address. ${onlyOwn}`,
  EMFILE: 'this process has no descriptor left. Raise its limit (ulimit -n)',
}

/** Why a name or an address can be bound by no program here, whatever the port; undefined where it can. */
export async function wrongWithHost(host: string): Promise<string | undefined> {
  if (!isIP(host) && !(await lookup(host).catch(() => undefined)))
    return `the name "${host}" does not resolve. Check its spelling; ${onlyOwn}`
  const code = await bindCode(host, 0)
  return code === undefined || code === 'EMFILE' ? undefined : words(code)
}

/** Why nothing could listen there, in a sentence. The runtime itself takes whatever goes wrong for a port in use. */
export async function bindWords({ host, port }: { readonly host: string; readonly port: number }, thrown: unknown) {
  const why = (await wrongWithHost(host)) ?? words((await bindCode(host, port)) ?? codeOf(thrown), thrown)
  return `Cannot listen on ${host}:${port}: ${why}.\n`
}

function words(code: string, thrown?: unknown): string {
  return reasons[code] ?? (thrown instanceof Error ? thrown.message : `the system refuses it (${code})`)
}

/** What the system says to a program that binds this. @returns undefined where it can be bound */
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
