import type { EmulatedExchange } from '../../../src/wire/emulator/http.ts'
import type { Chance } from '../chance.ts'
import type { World } from '../machine/world.ts'
import type { Attempt } from './attempt.ts'
import { errorBody, frame, sse, usageFrame } from './wire-form.ts'

export interface StreamToSend {
  readonly attempt: Attempt
  readonly rest: string
  readonly world: World
  readonly chance: Chance
}

/** Sends a text as a stream, or breaks it off. @returns whether all of it was sent, with its end */
export async function sendStream(
  exchange: EmulatedExchange,
  { attempt, rest, world, chance }: StreamToSend,
): Promise<boolean> {
  const { manner } = attempt
  exchange.head(200, sse)
  if (manner === 'empty') {
    exchange.end()
    return false
  }
  const pieces = piecesOf(rest, chance)
  const isBroken = manner !== 'well' && manner !== 'slow' && manner !== 'no-done'
  const sent = isBroken ? chance.between(0, pieces.length) : pieces.length
  await exchange.chunk(frame('m', { role: 'assistant', content: '' }))
  for (const piece of pieces.slice(0, sent)) {
    if (chance.happens(0.3)) await world.pass(chance.between(1, manner === 'slow' ? 4_000 : 250))
    if (!exchange.isOpen()) return false
    attempt.sentAt = world.elapsed()
    attempt.begunAt ??= attempt.sentAt
    await exchange.chunk(frame('m', { content: piece }))
  }
  if (isBroken) {
    await breakOff(exchange, attempt, world)
    return false
  }
  await exchange.chunk(frame('m', {}, 'stop') + usageFrame('m', rest))
  if (manner !== 'no-done') await exchange.chunk('data: [DONE]\n\n')
  exchange.end()
  return true
}

async function breakOff(exchange: EmulatedExchange, { manner, key }: Attempt, world: World): Promise<void> {
  if (manner === 'stall') return
  if (manner === 'garbage') await exchange.chunk('data: {"choices": [{"delta": {"con\n\n')
  if (manner === 'error-in-stream')
    await exchange.chunk(`data: ${errorBody(`the model has crashed for ${key}`, 'server_error')}\n\n`)
  if (manner === 'cut') await exchange.chunk(frame('m', { content: 'lost' }).slice(0, 60))
  await world.pass(1)
  if (manner === 'reset') exchange.reset()
  else if (manner === 'cut') exchange.finish()
  else exchange.end()
}

/** Cuts a text into the pieces of a stream, at any character. */
function piecesOf(text: string, chance: Chance): readonly string[] {
  const pieces: string[] = []
  const most = chance.between(3, 40)
  for (let at = 0; at < text.length; ) {
    const size = chance.between(1, most)
    pieces.push(text.slice(at, at + size))
    at += size
  }
  return pieces
}
