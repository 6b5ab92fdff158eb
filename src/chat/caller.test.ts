import { expect, test } from 'bun:test'
import { callerOf } from './caller.ts'
import { Secret } from './secret.ts'

const secret = new Secret('sk-caller-0123456789')

test('a caller is called by its key, of which the name tells nothing, and the same as ever', () => {
  // what is kept for this key since the first version is found under this id
  const id = '2aa849b14abaacba3a0d4a235a2ac233'
  expect(callerOf({ secret, role: 'admin' })).toEqual({ id, name: id.slice(0, 8), role: 'admin' })
})

test('a key with a name shows that, and is the same caller', () => {
  const named = callerOf({ secret, role: 'client', name: 'laptop' })
  expect(named).toMatchObject({ name: 'laptop', role: 'client', id: callerOf({ secret, role: 'admin' }).id })
})
