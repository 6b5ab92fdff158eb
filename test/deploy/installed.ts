import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { within } from '../waiting.ts'

const patienceMs = 60_000

/** Whether a process runs. One that has ended, and whose parent has not looked yet, does not. */
export function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

/** Starts an installed executable on a free port, and waits for its address. */
export async function serve(installed: string, variables: Readonly<Record<string, string>> = {}) {
  const env = { PATH: process.env.PATH ?? '', PORT: '0', LOG_FORMAT: 'json', SHUTDOWN_GRACE: '4' }
  const child = Bun.spawn([installed], {
    cwd: dirname(installed),
    env: { ...env, ...variables },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const url = await within(addressIn(child.stdout), patienceMs, 'the address')
  return { url, pid: child.pid }
}

async function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  const reader = output.getReader()
  for (;;) {
    const { value } = await reader.read()
    text += Buffer.from(value ?? []).toString()
    const url = /"url":"([^"]+)"/.exec(text)?.[1]
    if (url === undefined) continue
    // the output must be read on, or the program would wait for its reader
    void (async () => {
      while (!(await reader.read()).done);
    })().catch(() => undefined)
    return url
  }
}
