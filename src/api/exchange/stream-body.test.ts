import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { flowFrom, readyFlow, silentFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { machine } from '../../wire/machine.double.ts'
import { type StreamBodyOptions, streamBody } from './stream-body.ts'

const text = (said: string): ChatEvent => ({ type: 'text', choice: 0, part: 0, text: said })

interface Told {
  aborts: string[]
  closes: number
}

/** A body of these events that writes a word each: the text, `+` for a keep-alive, `.` for the end, `!code` for a failure. */
function bodyOf(
  events: AsyncIterable<ChatEvent> | Flow,
  options: Partial<StreamBodyOptions> = {},
): { body: ReadableStream<Uint8Array>; told: Told } {
  const told: Told = { aborts: [], closes: 0 }
  const body = streamBody('next' in events && 'close' in events ? events : flowFrom(events), {
    timers: machine.timers,
    surface: {
      event: (event) => (event.type === 'text' ? event.text : ''),
      end: () => '.',
      error: (error) => `!${error.code}`,
      keepAlive: '+',
    },
    opening: '',
    keepAliveMs: 60_000,
    stuckMs: 60_000,
    abort: (reason) => told.aborts.push(reason.code),
    closed: () => told.closes++,
    ...options,
  })
  return { body, told }
}

async function* of(...events: ChatEvent[]): AsyncGenerator<ChatEvent> {
  yield* events
}

describe('a stream', () => {
  test('is its events, and one end', async () => {
    const { body, told } = bodyOf(of(text('a'), { type: 'finish', choice: 0, reason: 'stop' }, text('b')))
    expect(await new Response(body).text()).toBe('ab.')
    expect(told).toEqual({ aborts: [], closes: 1 })
  })

  test('without an event is an end', async () => {
    expect(await new Response(bodyOf(of()).body).text()).toBe('.')
  })

  test('writes a long event in pieces, and lets nothing come between them', async () => {
    const long = '漢字'.repeat(600_000)
    const surface = {
      event: (event: ChatEvent) =>
        event.type === 'text' ? event.text : ['<', ...Array(12).fill('漢字'.repeat(50_000)), '>'].values(),
      end: () => '.',
      error: () => '!',
      keepAlive: '+',
    }
    const events = of(text(long), { type: 'finish', choice: 0, reason: 'stop' }, text('b'))
    const { body } = bodyOf(events, { surface, keepAliveMs: 1 })
    const pieces = await Array.fromAsync(body)
    const written = Buffer.concat(pieces).toString()
    expect(written.replaceAll('+', '') === `${long}<${long}>b.`).toBe(true)
    expect(written.includes(`<${long}>`)).toBe(true)
    expect(Math.max(...pieces.map(({ byteLength }) => byteLength))).toBeLessThan(1024 * 1024)
    expect(pieces.length).toBeGreaterThan(8)
  })

  test('writes all events of a batch at once', async () => {
    const { body } = bodyOf(readyFlow([text('a'), text(''), text('b')], [text('')], [text('c')]))
    const pieces = await Array.fromAsync(body)
    expect(pieces.map((piece) => new TextDecoder().decode(piece))).toEqual(['ab', 'c', '.'])
  })

  test('writes a batch of long events in pieces, in order', async () => {
    const [long, longer] = ['漢字'.repeat(100_000), 'é'.repeat(300_000)]
    const { body } = bodyOf(readyFlow([text('a'), text(long), text('b'), text(longer), text('c')]))
    const pieces = await Array.fromAsync(body)
    expect(Buffer.concat(pieces).toString() === `a${long}b${longer}c.`).toBe(true)
    expect(Math.max(...pieces.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(3 * 256 * 1024)
  })

  test('gives other work a turn while all its batches are ready', async () => {
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    const batches = Array.from({ length: 1_000 }, () => [text('a'.repeat(1_000))])
    setImmediate(count)
    const said = await new Response(bodyOf(readyFlow(...batches)).body).text()
    isOver = true
    expect(said).toHaveLength(1_000_001)
    expect(turns).toBeGreaterThanOrEqual(7)
  })

  test('skips batches without bytes, however many there are', async () => {
    const blank = Array.from({ length: 100_000 }, () => [text('')])
    expect(await new Response(bodyOf(readyFlow(...blank, [text('a')])).body).text()).toBe('a.')
  })

  test('begins with its opening', async () => {
    expect(await new Response(bodyOf(of(text('a')), { opening: ':' }).body).text()).toBe(':a.')
  })

  test('that fails ends with the failure, and with nothing else', async () => {
    async function* failing(): AsyncGenerator<ChatEvent> {
      yield text('a')
      throw new ChatError('upstream-failed', { message: 'The stream was cut.' })
    }
    const { body, told } = bodyOf(failing())
    expect(await new Response(body).text()).toBe('a!upstream_error')
    expect(told).toEqual({ aborts: [], closes: 1 })
  })

  test('that fails by a bug of ours says only that', async () => {
    const failing: AsyncIterable<ChatEvent> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new TypeError('the details')) }),
    }
    expect(await new Response(bodyOf(failing).body).text()).toBe('!internal_error')
  })

  test('whose event cannot be written ends with a failure', async () => {
    const surface = {
      event: () => {
        throw new TypeError('the details')
      },
      end: () => '.',
      error: () => '!',
      keepAlive: '+',
    }
    const flow = silentFlow([text('a')])
    const { body, told } = bodyOf(flow, { surface })
    expect(await new Response(body).text()).toBe('!')
    expect(told.closes).toBe(1)
    expect(flow.closes).toBe(1)
  })

  test('fills the silence of its upstream, each interval once', async () => {
    const silence = Promise.withResolvers<void>()
    async function* slow(): AsyncGenerator<ChatEvent> {
      yield text('a')
      await silence.promise
      yield text('b')
    }
    const { body } = bodyOf(slow(), { keepAliveMs: 5 })
    const reader = body.getReader()
    let said = ''
    while (said.length < 4) said += new TextDecoder().decode((await reader.read()).value)
    expect(said).toBe('a+++')
    silence.resolve()
    while (!said.endsWith('.')) said += new TextDecoder().decode((await reader.read()).value)
    expect(said).toMatch(/^a\++b\.$/)
  })

  test('reads no event before the client takes it', async () => {
    let made = 0
    async function* counted(): AsyncGenerator<ChatEvent> {
      for (; made < 100; ) {
        made++
        yield text('a')
      }
    }
    const reader = bodyOf(counted()).body.getReader()
    await Bun.sleep(0)
    expect(made).toBe(0)
    await reader.read()
    await reader.read()
    await Bun.sleep(0)
    expect(made).toBe(2)
    await reader.cancel()
  })

  test('whose client leaves is aborted, and its events are let go of', async () => {
    let isFreed = false
    async function* endless(): AsyncGenerator<ChatEvent> {
      try {
        for (;;) yield text('a')
      } finally {
        isFreed = true
      }
    }
    const { body, told } = bodyOf(endless())
    const reader = body.getReader()
    await reader.read()
    await reader.cancel()
    expect(told).toEqual({ aborts: ['client_closed'], closes: 1 })
    await Bun.sleep(0)
    expect(isFreed).toBe(true)
  })

  test('closes its flow at once when the client leaves while the upstream is silent', async () => {
    const flow = silentFlow([text('a')])
    const { body, told } = bodyOf(flow)
    const reader = body.getReader()
    await reader.read()
    const pending = reader.read()
    await reader.cancel()
    expect([flow.closes, told.closes]).toEqual([1, 1])
    expect((await pending).done).toBe(true)
  })

  test('whose client takes nothing for too long is given up', async () => {
    const gone = Promise.withResolvers<string>()
    const { body, told } = bodyOf(of(text('a'), text('b')), {
      stuckMs: 5,
      abort: (reason) => gone.resolve(reason.code),
    })
    const reader = body.getReader()
    await reader.read()
    expect(await gone.promise).toBe('client_closed')
    expect(await reader.read().catch((thrown: unknown) => thrown)).toMatchObject({ code: 'client_stuck' })
    expect(told.closes).toBe(1)
  })
})
