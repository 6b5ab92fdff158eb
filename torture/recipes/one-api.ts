import { join } from 'node:path'
import { findProgram, namedVersion } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const needs =
  'the program of github.com/songquanpeng/one-api. Without a network TIKTOKEN_CACHE_DIR names a folder with its two encodings'
/** Its token is made of 48 letters and digits. */
const token = 'torture0123456789'.padEnd(48, '0')

/** one-api keeps its upstreams in a database, and takes them by its own API. It has no other surface than chat completions. */
export const oneApi: Recipe = {
  name: 'one-api',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('one-api', needs)
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, '--port', String(port), '--log-dir', join(folder, 'logs')],
      ...{ folder, readyUrl: `${url}/api/status` },
      environment: {
        ...{ SQLITE_PATH: join(folder, 'one-api.db'), INITIAL_ROOT_TOKEN: token, GIN_MODE: 'release' },
        ...{ TIKTOKEN_CACHE_DIR: process.env.TIKTOKEN_CACHE_DIR ?? '' },
      },
    })
    try {
      await addChannel(url, upstreamPort)
      const version = namedVersion('one-api') ?? (await versionOf(url))
      const lanes = [{ name: 'chat', surface: 'chat' as const, model: 'torture-chat' }]
      return { target: { url, key: `sk-${token}`, lanes, pid: program.pid }, version, stop: () => program.stop() }
    } catch (thrown) {
      await program.stop()
      throw thrown
    }
  },
}

/** Signs in as the first user, whose name and password its documentation states, and adds our upstream. */
async function addChannel(url: string, upstreamPort: number): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const login = await fetch(`${url}/api/user/login`, {
    ...{ method: 'POST', headers, body: JSON.stringify({ username: 'root', password: '123456' }) },
  })
  const cookie = login.headers
    .getSetCookie()
    .map((text) => text.split(';')[0])
    .join('; ')
  const channel = {
    ...{ type: 1, name: 'torture', key: 'sk-test-upstream-0123456789', models: 'torture-chat', groups: ['default'] },
    ...{ group: 'default', base_url: `http://127.0.0.1:${upstreamPort}`, status: 1 },
  }
  const added = await fetch(`${url}/api/channel/`, {
    ...{ method: 'POST', headers: { ...headers, cookie }, body: JSON.stringify(channel) },
  })
  const said = await added.text()
  if (!said.includes('"success":true')) throw new Error(`one-api did not take the upstream: ${said}`)
}

async function versionOf(url: string): Promise<string> {
  const { data }: { data?: { version?: unknown } } = JSON.parse(await (await fetch(`${url}/api/status`)).text())
  return String(data?.version ?? 'unknown')
}
