/** Line 45: a process that was stopped for longer than a deadline does not blame the upstream, because the bytes are in its socket. */
import { expect, test } from 'bun:test'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { until } from '../waiting.ts'
import { startChild } from './child.ts'
import { request } from './client.ts'

const chunk = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'one', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

/**
 * The upstream sends while the gateway is stopped (`meanwhile`), or a little after the gateway has gone on
 * (`afterwards`).
 */
for (const speaks of ['meanwhile', 'afterwards']) {
  test(`a gateway that was stopped for longer than its limit of silence gives the whole answer: the upstream sends ${speaks}`, async () => {
    const stopped = Promise.withResolvers<void>()
    const resumed = Promise.withResolvers<void>()
    await using upstream = await emulateHttp(async (exchange) => {
      exchange.head(200, { 'content-type': 'text/event-stream' })
      await exchange.chunk(chunk('a'))
      await stopped.promise
      let isResumed = false
      void resumed.promise.then(() => {
        isResumed = true
      })
      while (!isResumed) {
        await Bun.sleep(20)
        if (speaks === 'meanwhile') await exchange.chunk(chunk('b'))
      }
      // later than the first turns of the gateway's event loop
      await Bun.sleep(200)
      await exchange.chunk(`${chunk('c', 'stop')}data: [DONE]\n\n`)
      exchange.end()
    }).then((emulator) => Object.assign(emulator, { [Symbol.asyncDispose]: () => emulator.close() }))
    await using child = await startChild({
      UPSTREAM_SLOW_URL: `${upstream.origin}/v1`,
      UPSTREAM_SLOW_MODELS: 'slow',
      STREAM_IDLE_TIMEOUT: '1',
    })
    const response = await request(child.url, { model: 'slow', stream: true, id: 'one' })
    let text = ''
    const reading = (async () => {
      for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString()
    })()
    await until(() => text.includes('"a"'), 10_000, 'the first words')
    child.signal('SIGSTOP')
    stopped.resolve()
    // twice the limit, because the stopped process cannot report that the time has passed
    await Bun.sleep(2_500)
    child.signal('SIGCONT')
    resumed.resolve()
    await reading
    expect(text).toContain('"c"')
    expect(text).toEndWith('data: [DONE]\n\n')
    expect(text).not.toContain('"error"')
  })
}

test('an upstream that stays silent after the gateway has gone on is given up', async () => {
  await using upstream = await emulateHttp(async (exchange) => {
    exchange.head(200, { 'content-type': 'text/event-stream' })
    await exchange.chunk(chunk('a'))
  }).then((emulator) => Object.assign(emulator, { [Symbol.asyncDispose]: () => emulator.close() }))
  await using child = await startChild({
    UPSTREAM_SLOW_URL: `${upstream.origin}/v1`,
    UPSTREAM_SLOW_MODELS: 'slow',
    STREAM_IDLE_TIMEOUT: '1',
  })
  const response = await request(child.url, { model: 'slow', stream: true, id: 'one' })
  const reader = response.body?.getReader()
  await reader?.read()
  child.signal('SIGSTOP')
  await Bun.sleep(1_500)
  child.signal('SIGCONT')
  let text = ''
  for (let step = await reader?.read(); step && !step.done; step = await reader?.read())
    text += Buffer.from(step.value ?? []).toString()
  expect(text).toContain('upstream_idle_timeout')
})
