import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { flowFrom, readyFlow, scriptedFlow, silentFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { machine } from '../../wire/machine.double.ts'
import { pulledBody } from '../../wire/pulled-body.double.ts'
import { type StreamBodyOptions, streamBody } from './stream-body.ts'

const text = (said: string): ChatEvent => ({ type: 'text', choice: 0, part: 0, text: said })

interface Told {
  aborts: string[]
  closes: number
}

/**
 * Makes a body of these events. It writes the text of an event, `+` for a keep-alive, `.` for the end, and `!code`
 * for a failure.
 */
function bodyOf(
  events: AsyncIterable<ChatEvent> | Flow,
  options: Partial<StreamBodyOptions> = {},
): { body: ReadableStream<Uint8Array>; told: Told } {
  const told: Told = { aborts: [], closes: 0 }
  const body = streamBody('next' in events && 'close' in events ? events : flowFrom(events), {
    timers: machine.timers,
    network: { writtenBody: pulledBody },
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
  test('writes its events and one end', async () => {
    const { body, told } = bodyOf(of(text('a'), { type: 'finish', choice: 0, reason: 'stop' }, text('b')))
    expect(await new Response(body).text()).toBe('ab.')
    expect(told).toEqual({ aborts: [], closes: 1 })
  })

  test('writes only the end if there is no event', async () => {
    expect(await new Response(bodyOf(of()).body).text()).toBe('.')
  })

  test('writes a long event in pieces, with nothing between them', async () => {
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

  test('gives other work a turn even if all its batches are ready', async () => {
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

  test('skips any number of batches without bytes', async () => {
    const blank = Array.from({ length: 100_000 }, () => [text('')])
    expect(await new Response(bodyOf(readyFlow(...blank, [text('a')])).body).text()).toBe('a.')
  })

  test('begins with its opening', async () => {
    expect(await new Response(bodyOf(of(text('a')), { opening: ':' }).body).text()).toBe(':a.')
  })

  test('ends with the failure, and nothing else, if its flow fails', async () => {
    async function* failing(): AsyncGenerator<ChatEvent> {
      yield text('a')
      throw new ChatError('upstream-failed', { message: 'The stream was cut.' })
    }
    const { body, told } = bodyOf(failing())
    expect(await new Response(body).text()).toBe('a!upstream_error')
    expect(told).toEqual({ aborts: [], closes: 1 })
  })

  test('says only that the gateway failed if a bug of ours ends it', async () => {
    const failing: AsyncIterable<ChatEvent> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new TypeError('the details')) }),
    }
    expect(await new Response(bodyOf(failing).body).text()).toBe('!internal_error')
  })

  test('ends with a failure if an event cannot be written', async () => {
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

  test('sends a keep-alive after each interval of silence', async () => {
    const runtime = new ManualRuntime()
    const late = Promise.withResolvers<ChatEvent[]>()
    const { body } = bodyOf(scriptedFlow([text('a')], late.promise), { timers: runtime.timers, keepAliveMs: 1_000 })
    let written = ''
    const reading = (async () => {
      for await (const bytes of body) written += new TextDecoder().decode(bytes)
    })()
    await runtime.advance(900)
    expect(written).toBe('a')
    await runtime.advance(200)
    expect(written).toBe('a+')
    await runtime.advance(2_000)
    expect(written).toBe('a+++')
    late.resolve([text('b')])
    await reading
    expect(written).toBe('a+++b.')
  })

  test('reads no batch before the client takes it', async () => {
    const runtime = new ManualRuntime()
    const flow = readyFlow(...Array.from({ length: 100 }, () => [text('a')]))
    const reader = bodyOf(flow).body.getReader()
    await runtime.settle()
    expect(flow.reads).toBe(0)
    await reader.read()
    await reader.read()
    await runtime.settle()
    expect(flow.reads).toBe(2)
    await reader.cancel()
  })

  test('is aborted and frees its flow when its client leaves', async () => {
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

  test('is given up if its client takes nothing for too long', async () => {
    const runtime = new ManualRuntime()
    const { body, told } = bodyOf(of(text('a'), text('b')), { timers: runtime.timers, stuckMs: 60_000 })
    const reader = body.getReader()
    await reader.read()
    await runtime.advance(59_000)
    expect(told).toEqual({ aborts: [], closes: 0 })
    await runtime.advance(2_000)
    expect(told).toEqual({ aborts: ['client_closed'], closes: 1 })
    expect(await reader.read().catch((thrown: unknown) => thrown)).toMatchObject({ code: 'client_stuck' })
  })
})
