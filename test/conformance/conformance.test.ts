import { beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { mcpServers } from '../chaos/chat-server-rig.ts'
import { startGateway } from '../chaos/gateway.ts'
import { emptyFolder } from '../e2e/program.ts'
import { isFull } from '../sizes.ts'
import { servers, startRelay, startToolServer } from './server.ts'

// The conformance tests of the Model Context Protocol. `server.yml` and `client.yml` list what does not pass, and why.

const folder = import.meta.dir
const program = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')
const patienceMs = 120_000

beforeAll(async () => {
  const install = [process.execPath, 'install', '--frozen-lockfile']
  expect(await Bun.spawn(install, { cwd: folder, stdout: 'ignore', stderr: 'ignore' }).exited).toBe(0)
}, patienceMs)

/** Runs the tests. @returns the lines of its summary from the first failure on, or nothing */
async function failuresOf(...args: readonly string[]): Promise<string> {
  await using output = await emptyFolder()
  const command = [process.execPath, program, ...args, '--output-dir', output.path]
  const child = Bun.spawn(command, { cwd: folder, stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return (await child.exited) === 0 ? '' : `${stdout}\n${stderr}`.slice(-4_000)
}

describe('/mcp passes the tests', () => {
  for (const revision of [...(isFull ? ['2025-06-18'] : []), '2025-11-25', '2026-07-28'])
    test(
      `of ${revision}`,
      async () => {
        const toolServer = startToolServer()
        const gateway = startGateway(mcpServers(servers(toolServer.port)))
        const relay = startRelay(() => `${gateway.url}/mcp`)
        const about = ['--url', `${relay.url}mcp`, '--suite', 'all', '--spec-version', revision]
        expect(await failuresOf('server', ...about, '--expected-failures', join(folder, 'server.yml'))).toBe('')
        await relay.stop(true)
        await gateway.close()
        await toolServer.stop(true)
      },
      patienceMs,
    )
})

const usual = ['tools_call', 'request-metadata', 'http-custom-headers']
/** With `usual`, all scenarios but those of sign-in by OAuth, which the gateway does not do. */
const others = [
  'initialize',
  'sse-retry',
  'http-invalid-tool-headers',
  'http-standard-headers',
  'json-schema-ref-no-deref',
  'json-schema-2020-12-preservation',
  'sep-2322-client-request-state',
  'elicitation-sep1034-client-defaults',
]

describe('our client passes the test', () => {
  for (const scenario of [...usual, ...(isFull ? others : [])])
    test(
      scenario,
      async () => {
        const about = ['--command', `${process.execPath} ${join(folder, 'client.ts')}`, '--scenario', scenario]
        expect(await failuresOf('client', ...about, '--expected-failures', join(folder, 'client.yml'))).toBe('')
      },
      patienceMs,
    )
})
