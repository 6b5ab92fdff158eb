import { expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { emulateMcp } from '../../test/tools/emulated-mcp.ts'
import { open, path, stdioServer } from '../../test/tools/servers.ts'
import { until } from '../../test/waiting.ts'
import { Secret } from '../chat/secret.ts'
import { openLog } from '../telemetry/log.ts'
import { emulateHttp } from '../wire/emulator/http.ts'
import { cancelIn, machine } from '../wire/machine.double.ts'
import type { ToolServerConfig } from './server-config.ts'

const [inEnvironment, inHeader, inQuery] = ['tools-env-marker-7', 'tools-header-marker-7', 'tools-query-marker-7']

/** Returns everything that is logged, shown in the state and sent to the model while a server misbehaves. */
async function collectTexts(config: ToolServerConfig, tool: string): Promise<string> {
  const lines: string[] = []
  const log = openLog({ runtime: machine, level: 'trace', format: 'json', write: (line) => void lines.push(line) })
  await using tools = open([config], { log })
  const found = (await tools.list()).get(tool)
  const outcome = await found?.run({}, { signal: cancelIn(10_000), onChunk: (text) => void lines.push(text) })
  if (config.transport === 'stdio')
    await until(() => lines.some((line) => line.includes('standard error')), 20_000, 'its words')
  const text = [...lines, JSON.stringify(tools.registry.servers()), inspect([config, tools, found], { depth: 20 })]
  return [...text, JSON.stringify(config), String(outcome?.content)].join('\n')
}

test('a secret of a server’s environment is in no log line and no state, even if the server prints it', async () => {
  const environment = { ...path, MARK: new Secret(inEnvironment) }
  const texts = await collectTexts({ ...stdioServer('bad', 'raw-server.ts', ['stderr']), environment }, 'echo')
  expect(texts).toContain('[secret]')
  expect(texts).not.toContain(inEnvironment)
})

for (const transport of ['http', 'sse'] as const)
  for (const status of [200, 401, 500])
    test(`a key in a header or the address stays hidden, even if a server over ${transport} answers ${status} with it`, async () => {
      const emulator = await emulateHttp((exchange) => {
        const { headers, path: asked } = exchange.request
        exchange.reply(status, `${headers.get('authorization')} ${asked}`, { 'content-type': 'text/html' })
      })
      const url = new Secret(`${emulator.origin}/mcp?key=${inQuery}`)
      new Secret(inQuery)
      const headers = { Authorization: new Secret(inHeader) }
      const texts = await collectTexts({ name: 'bad', transport, url, headers }, 'none')
      expect(emulator.requests[0]?.headers.get('authorization')).toBe(inHeader)
      expect(emulator.requests[0]?.path).toContain(inQuery)
      expect(texts).toContain('failed')
      for (const secret of [inHeader, inQuery]) expect(texts).not.toContain(secret)
      await emulator.close()
    })

test('a server’s refusal that contains its key does not show the key to the model', async () => {
  const emulator = await emulateMcp({
    call(exchange, id) {
      const message = `no such key: ${exchange.request.headers.get('authorization')}`
      const reply = JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_000, message } })
      exchange.reply(200, reply, { 'content-type': 'application/json' })
    },
  })
  const url = new Secret(`${emulator.origin}/mcp`)
  const texts = await collectTexts(
    { name: 'bad', transport: 'http', url, headers: { authorization: new Secret(inHeader) } },
    'a',
  )
  expect(texts).toContain('no such key: [secret]')
  expect(texts).not.toContain(inHeader)
  await emulator.close()
})
