import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How an executable is run on this machine. */
export interface Runner {
  /** The emulator with its options; empty if the machine runs the file itself. */
  readonly emulator: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

const key = 'the-key-of-the-smoke-test'

/** What the program would set by starting itself again, which an emulator cannot do. */
const settled = { BUN_JSC_forceRAMSize: '268435456' }

/**
 * Uses an executable for the first time: asks for its version and its settings, then serves with a database, answers, keeps
 * a conversation, refuses a stranger, and stops.
 * @throws at the first answer that is not as expected
 */
export async function smoke(executable: string, runner: Runner): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-smoke-'))
  await mkdir(join(folder, 'state'))
  const start = (words: readonly string[]) =>
    Bun.spawn([...runner.emulator, executable, ...words], {
      cwd: folder,
      env: { PATH: '/usr/bin:/bin', ...settled, ...runner.environment, ...settings(folder) },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
  try {
    for (const word of ['version', 'check']) {
      const child = start([word])
      const [code, ...said] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
      if (code !== 0) throw new Error(`${word} ended with ${code}: ${said.join('')}`)
    }
    const server = start([])
    try {
      await useServer(await addressOf(server.stdout, server.stderr))
      server.kill('SIGTERM')
      expect('the exit code after SIGTERM', await server.exited, 0)
    } finally {
      server.kill('SIGKILL')
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function settings(folder: string): Record<string, string> {
  return {
    HOME: folder,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_FORMAT: 'json',
    API_MASTER_KEY: key,
    STATE_DIRECTORY: join(folder, 'state'),
    STATE_SECRET: 'a-secret-of-the-smoke-test',
  }
}

async function useServer(url: string): Promise<void> {
  const send = (path: string, body?: object, bearer = key) =>
    fetch(url + path, {
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
  const question = { model: 'demo/echo', messages: [{ role: 'user', content: 'Hello!' }] }
  expect('GET /health', (await send('/health')).status, 200)
  expect('GET /ready', (await send('/ready')).status, 200)
  expect('a key that is wrong', (await send('/v1/models', undefined, 'wrong')).status, 403)
  contains('GET /v1/models', await (await send('/v1/models')).text(), '"demo/echo"')
  contains('an answer', await (await send('/v1/chat/completions', question)).text(), 'You said: Hello!')
  const stream = await (await send('/v1/chat/completions', { ...question, stream: true })).text()
  contains('a stream', stream, 'data: [DONE]')
  const message = { model: 'demo/echo', max_tokens: 100, messages: question.messages }
  contains('Messages', await (await send('/v1/messages', message)).text(), 'You said: Hello!')
  const turn = { session_id: 'smoke', content: 'Hello!', model: 'demo/echo' }
  contains('the chat server', await (await send('/api/chat/stream', turn)).text(), '"type":"done"')
  contains('the console', await (await fetch(url, { headers: { accept: 'text/html' } })).text(), '<!doctype html>')
}

function expect(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what} is ${found}, not ${wanted}.`)
}

function contains(what: string, text: string, wanted: string): void {
  if (!text.includes(wanted)) throw new Error(`${what} has no ${wanted}: ${text.slice(0, 500)}`)
}

async function addressOf(output: ReadableStream<Uint8Array>, complaints: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const bytes of output) {
    text += Buffer.from(bytes).toString()
    const address = /"url":"([^"]+)"/.exec(text)?.[1]
    if (address !== undefined) return address
  }
  throw new Error(`The executable did not start: ${text}${await new Response(complaints).text()}`)
}
