import { expect } from 'bun:test'
import type { Seen } from './cell.ts'
import type { Answered } from './client.ts'

/** Expects that the client saw exactly the result of the cell. */
export function expectCell(answer: Answered, cell: Seen): void {
  if (cell.status !== 200) expectStatus(answer, cell)
  else if (cell.stream) expectStream(answer, cell)
  else expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: cell.text })
  expect(answer.headers.get('x-tributary-attempts')).toBe(String(cell.attempts))
}

function expectStatus(answer: Answered, cell: Seen): void {
  expect({ status: answer.status, errors: answer.errors }).toEqual({ status: cell.status, errors: [cell.code ?? ''] })
  expect(answer.headers.get('content-type')).toStartWith('application/json')
  expect(answer.body).not.toContain('<')
  const isTheirs = cell.status >= 429
  expect(answer.headers.get('x-should-retry')).toBe(isTheirs ? 'false' : null)
  if (cell.retryAfter) expect(answer.headers.get('retry-after')).toBe(cell.retryAfter)
}

function expectStream(answer: Answered, cell: Seen): void {
  expect({ status: answer.status, text: answer.text, errors: answer.errors, dones: answer.dones }).toEqual({
    status: 200,
    text: cell.text,
    errors: cell.code ? [cell.code] : [],
    dones: cell.code ? 0 : 1,
  })
  expect(answer.body.endsWith(cell.code ? '}\n\n' : 'data: [DONE]\n\n')).toBe(true)
  const finishes = answer.chunks.filter(({ choices }) => choices?.[0]?.finish_reason)
  expect(finishes.length).toBe(cell.code ? 0 : 1)
  expect(answer.chunks.every(({ choices, error }) => choices !== undefined || error !== undefined)).toBe(true)
}
