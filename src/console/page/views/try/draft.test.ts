import { describe, expect, test } from 'bun:test'
import { AnswerDraft } from './draft.ts'
import { receiptOf } from './receipt.ts'

function draft(...chunks: readonly unknown[]): AnswerDraft {
  const received = new AnswerDraft(receiptOf(new Headers()), 1_000)
  for (const [at, chunk] of chunks.entries())
    received.add(typeof chunk === 'string' ? chunk : JSON.stringify(chunk), 1_100 + 100 * at)
  return received
}

const delta = (value: unknown, finish: string | null = null) => ({
  choices: [{ index: 0, delta: value, finish_reason: finish }],
})

describe('an answer that is received', () => {
  test('has its text, its thoughts, its end and the time of its first character', () => {
    const received = draft(
      delta({ role: 'assistant', content: '' }),
      delta({ reasoning_content: 'Hm. ' }),
      delta({ reasoning: 'Well.' }),
      delta({ content: 'Hello ' }),
      delta({ content: 'you' }, 'stop'),
    )
    expect(received.snapshot('done', 2_000)).toMatchObject({
      ...{ state: 'done', text: 'Hello you', reasoning: 'Hm. Well.', finish: 'stop', firstMs: 200, tookMs: 1_000 },
    })
  })

  test('has the calls of tools that came in pieces', () => {
    const call = (index: number, part: unknown, id?: string) =>
      delta({ tool_calls: [{ index, ...(id !== undefined && { id }), function: part }] })
    const received = draft(
      call(0, { name: 'weather', arguments: '' }, 'a'),
      call(0, { arguments: '{"city":' }),
      call(1, { name: 'time', arguments: '{}' }, 'b'),
      call(0, { arguments: '"Bern"}' }),
    )
    expect(received.snapshot('running', 2_000).calls).toEqual([
      { id: 'a', name: 'weather', arguments: '{"city":"Bern"}' },
      { id: 'b', name: 'time', arguments: '{}' },
    ])
  })

  test('has thoughts that come as parts of the content', () => {
    const thinking = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] },
      { type: 'text', text: 'Yes' },
    ]
    expect(draft(delta({ content: thinking })).snapshot('done', 0)).toMatchObject({ reasoning: 'Hm', text: 'Yes' })
  })

  test('has its usage, and the cost that the upstream states', () => {
    const usage = {
      ...{ prompt_tokens: 9, completion_tokens: 4, cost: 0.5, estimated: true },
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    }
    expect(draft({ choices: [], usage }).snapshot('done', 0)).toMatchObject({
      costUsd: 0.5,
      usage: { input: 9, cached: 3, output: 4, reasoning: 2, isEstimate: true, statedCost: 0.5 },
    })
  })

  test('that fails within says why, and keeps what came', () => {
    const received = draft(delta({ content: 'Half' }), { error: { message: 'Too slow.', code: 'upstream_timeout' } })
    expect(received.error).toEqual({ message: 'Too slow.', code: 'upstream_timeout', status: undefined })
    expect(received.snapshot('failed', 0).text).toBe('Half')
  })

  test('says that another upstream went on, and nothing about keep-alives', () => {
    const received = draft(delta({ content: 'a' }))
    received.addComment(' ')
    received.addComment(' keep-alive')
    received.addComment(' continued by groq after upstream_disconnected of openai')
    expect(received.snapshot('done', 0).notes).toEqual(['continued by groq after upstream_disconnected of openai'])
  })

  test('leaves out what is no chunk', () => {
    const odd = ['{', 'null', '[]', '"a"', '{"choices":[{"index":1,"delta":{"content":"x"}}]}', '{"choices":[]}']
    expect(draft(...odd).snapshot('done', 0)).toMatchObject({ text: '', firstMs: undefined, error: undefined })
  })
})
