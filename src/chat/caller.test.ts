import { expect, test } from 'bun:test'
import { callerOf } from './caller.ts'
import { Secret } from './secret.ts'

const secret = new Secret('sk-caller-0123456789')

test('the id of a caller comes from its key, does not reveal it, and never changes', () => {
  // data that the first version stored for this key has this id
  const id = '2aa849b14abaacba3a0d4a235a2ac233'
  expect(callerOf({ secret, role: 'admin' })).toEqual({ id, name: id.slice(0, 8), role: 'admin' })
})

test('a key with a name shows the name, and stands for the same caller', () => {
  const named = callerOf({ secret, role: 'client', name: 'laptop' })
  expect(named).toMatchObject({ name: 'laptop', role: 'client', id: callerOf({ secret, role: 'admin' }).id })
})
