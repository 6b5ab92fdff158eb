import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { EmbeddingEvent, EmbeddingRequest } from '../../chat/task.ts'
import type { Ask } from '../../flow/chat.ts'
import { events, flowOf } from '../../flow/flow.ts'
import { aCall } from '../chat.double.ts'
import { inBatches } from './batches.ts'

const requestFor = (inputs: readonly string[]): EmbeddingRequest => ({
  task: 'embedding',
  model: 'm',
  stream: false,
  inputs,
  wantsBase64: false,
  extra: {},
})

/** Embeds a text as its length, after as many turns as `delays` says. */
function embedder(delays: readonly number[], onAsked: (size: number) => void): Ask<EmbeddingRequest, EmbeddingEvent> {
  let asked = 0
  return ({ inputs }, call) =>
    flowOf(async () => {
      onAsked(inputs.length)
      for (let left = delays[asked++ % delays.length] ?? 0; left > 0; left--) await Promise.resolve()
      return [
        { type: 'embeddings', embeddings: inputs.map((input) => [input.length]) },
        { type: 'usage', usage: { inputTokens: inputs.length, source: 'upstream' } },
      ] satisfies EmbeddingEvent[]
    }, call.signal)
}

test('a request that is split has the answer of one that is not, in any order of the parts', async () => {
  const delays = fc.array(fc.nat(9), { minLength: 1, maxLength: 9 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string(), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      delays,
      async (inputs, most, turns) => {
        const sizes: number[] = []
        const embed = inBatches(() => most)(embedder(turns, (size) => sizes.push(size)))
        const answer = await Array.fromAsync(events(embed(requestFor(inputs), aCall())))
        expect(answer).toEqual([
          { type: 'embeddings', embeddings: inputs.map((input) => [input.length]) },
          { type: 'usage', usage: { inputTokens: inputs.length, source: 'upstream' } },
        ])
        expect(Math.max(...sizes)).toBeLessThanOrEqual(most)
        expect(sizes.length).toBe(Math.ceil(inputs.length / most))
      },
    ),
  )
})

test('four parts run at the same time, and a failure ends the rest', async () => {
  let running = 0
  let most = 0
  let asked = 0
  const embed = inBatches(() => 1)((_, call) =>
    flowOf(async (signal) => {
      most = Math.max(most, ++running)
      if (++asked === 5) throw new Error('the fifth fails')
      await new Promise<void>((resolve) => {
        if (asked < 4) signal.onAbort(resolve)
        else resolve()
      })
      running--
      return []
    }, call.signal),
  )
  const answer = Array.fromAsync(events(embed(requestFor(Array(40).fill('a')), aCall())))
  expect(await answer.catch((thrown) => String(thrown))).toContain('the fifth fails')
  expect([most, running, asked]).toEqual([4, 1, 5])
})
