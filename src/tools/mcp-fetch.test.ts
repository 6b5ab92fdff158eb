import { describe, expect, test } from 'bun:test'
import { emulateMcp } from '../../test/tools/emulated-mcp.ts'
import { open } from '../../test/tools/servers.ts'
import { until, untilStill, within } from '../../test/waiting.ts'
import { Secret } from '../chat/secret.ts'
import type { EmulatedExchange } from '../wire/emulator/http.ts'

const at = (origin: string) =>
  ({ name: 'a', transport: 'http', url: new Secret(`${origin}/mcp`), headers: {} }) as const
const eventStream = { 'content-type': 'text/event-stream' }
const progress = `data: ${JSON.stringify({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 'call-1', progress: 1 },
})}\n\n`

describe('after a cut reply the outcome is unknown, and the call is not repeated:', () => {
  const cuts: readonly (readonly [name: string, cut: (exchange: EmulatedExchange) => void | Promise<void>])[] = [
    ['an event stream that ends', (exchange) => exchange.end()],
    ['an event stream that breaks off', (exchange) => exchange.reset()],
    ['an event stream that ends within an event', (exchange) => exchange.chunk('data: {"jsonrpc').then(exchange.end)],
  ]
  for (const [what, cut] of cuts)
    test(what, async () => {
      await using emulator = await asDisposable(
        emulateMcp({
          async call(exchange) {
            exchange.head(200, eventStream)
            await exchange.chunk(progress)
            await cut(exchange)
          },
        }),
      )
      await using tools = open([at(emulator.origin)])
      const chunks: string[] = []
      const outcome = await within(tools.run('a', {}, { onChunk: (text) => chunks.push(text) }), 20_000, 'the outcome')
      expect(outcome).toMatchObject({ content: expect.stringMatching(/not known whether it ran/), isError: true })
      expect(chunks).toEqual(what.includes('breaks off') ? expect.any(Array) : ['1\n'])
      expect(emulator.requests.filter(({ body }) => body.includes('tools/call'))).toHaveLength(1)
    })

  test('an event stream that could be resumed, but then is refused', async () => {
    await using emulator = await asDisposable(
      emulateMcp({
        async call(exchange) {
          exchange.head(200, eventStream)
          await exchange.chunk(`retry: 1\nid: 1\n${progress}`)
          exchange.end()
        },
      }),
    )
    await using tools = open([at(emulator.origin)])
    expect(await within(tools.run('a'), 20_000, 'the outcome')).toMatchObject({
      content: expect.stringMatching(/not known whether it ran/),
      isError: true,
    })
    expect(emulator.requests.some(({ method, headers }) => method === 'GET' && headers.has('last-event-id'))).toBe(true)
  })

  test('JSON that breaks off', async () => {
    await using emulator = await asDisposable(
      emulateMcp({
        async call(exchange) {
          exchange.head(200, { 'content-type': 'application/json' })
          await exchange.chunk('{"jsonrpc": "2.0"')
          exchange.end()
        },
      }),
    )
    await using tools = open([at(emulator.origin)])
    expect(await within(tools.run('a'), 20_000, 'the outcome')).toMatchObject({ isError: true })
  })
})

test('a stream that ends as soon as it is opened is opened at most ten times', async () => {
  await using emulator = await asDisposable(
    emulateMcp({
      async stream(exchange) {
        exchange.head(200, eventStream)
        await exchange.chunk('retry: 0\n\n')
        exchange.end()
      },
    }),
  )
  await using tools = open([at(emulator.origin)])
  await tools.list()
  const opened = () => emulator.requests.filter(({ method }) => method === 'GET').length
  await until(() => opened() >= 10, 20_000, 'the library tries')
  expect(await untilStill(opened, 300, 3_000)).toBe(10)
})

async function asDisposable<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T & AsyncDisposable> {
  const opened = await opening
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() })
}
