import { expect, test } from 'bun:test'
import { contextIn } from './trace-context.ts'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const stateOf = (tracestate: string) => contextIn(new Headers({ traceparent, tracestate }))?.traceState?.serialize()

test('what is valid of a tracestate is kept, and without a valid entry there is none', () => {
  expect(stateOf('a=1,=,b=2')).toBe('a=1,b=2')
  for (const text of ['', ',', '=,=', `a=${'v'.repeat(4_000)}`, 'a=1,'.repeat(2_000)])
    expect(stateOf(text)).toBeUndefined()
})
