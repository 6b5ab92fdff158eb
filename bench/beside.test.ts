import { expect, test } from 'bun:test'
import { readBeside } from './beside.ts'

test('several gateways are read, each with a name and a command', () => {
  expect(readBeside(' one=/bin/one ;two=two --config a=b;')).toEqual([
    { name: 'one', command: ['/bin/one'] },
    { name: 'two', command: ['two', '--config', 'a=b'] },
  ])
  expect(readBeside()).toEqual([])
})

test('an entry without a name or a command is refused', () => {
  for (const entry of ['one', '=one', 'one=']) expect(() => readBeside(entry)).toThrow('is not name=command')
})
