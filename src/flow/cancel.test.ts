import { expect, test } from 'bun:test'
import { CancelSource } from './cancel.ts'
import { ManualRuntime } from './runtime.double.ts'

const reason = new Error('enough')
const given = () => new CancelSource(new ManualRuntime())

test('a listener is called once, before abort returns, and the first reason stays', () => {
  const source = given()
  const heard: unknown[] = []
  source.onAbort(() => heard.push(source.reason))
  source.abort(reason)
  source.abort(new Error('another'))
  expect(heard).toEqual([reason])
  expect(source.aborted).toBe(true)
  expect(source.followers).toBe(0)
})

test('a listener that is added after the abort is called at once', () => {
  const source = given()
  source.abort(reason)
  const heard: string[] = []
  source.onAbort(() => heard.push('late'))()
  expect(heard).toEqual(['late'])
  expect(source.followers).toBe(0)
})

test('listeners are called in order, and a removed listener is not called, even if it is removed during the calls', () => {
  const source = given()
  const heard: string[] = []
  const releases = ['a', 'b', 'c', 'd'].map((name) =>
    source.onAbort(() => {
      heard.push(name)
      if (name === 'a') releases[2]?.()
    }),
  )
  releases[1]?.()
  releases[1]?.()
  expect(source.followers).toBe(3)
  source.abort(reason)
  expect(heard).toEqual(['a', 'd'])
})

test('a listener that is added after the first was removed is called last', () => {
  const source = given()
  const heard: string[] = []
  const release = source.onAbort(() => heard.push('a'))
  source.onAbort(() => heard.push('b'))
  release()
  source.onAbort(() => heard.push('c'))
  source.abort(reason)
  expect(heard).toEqual(['b', 'c'])
})

test('the same function may be added twice and removed once', () => {
  const source = given()
  let calls = 0
  const listener = () => {
    calls++
  }
  const release = source.onAbort(listener)
  source.onAbort(listener)
  release()
  release()
  source.abort(reason)
  expect(calls).toBe(1)
})

test('abort throws the error of a listener after it has called the other listeners', () => {
  const source = given()
  const heard: string[] = []
  source.onAbort(() => {
    throw reason
  })
  source.child().onAbort(() => heard.push('child'))
  source.onAbort(() => heard.push('listener'))
  expect(() => source.abort(new Error('any'))).toThrow(reason)
  expect(heard).toEqual(['child', 'listener'])
})

test('a child is aborted with its parent, with the same reason', () => {
  const parent = given()
  const grandchild = parent.child().child()
  parent.abort(reason)
  expect(grandchild.reason).toBe(reason)
  expect(() => grandchild.throwIfAborted()).toThrow(reason)
})

test('a child of an aborted parent is aborted from the start', () => {
  const parent = given()
  parent.abort(reason)
  expect(parent.child().reason).toBe(reason)
})

test('a parent is not aborted with its child, and no longer keeps it', () => {
  const parent = given()
  const child = parent.child()
  child.abort(reason)
  expect(child.reason).toBe(reason)
  expect(parent.aborted).toBe(false)
  expect(parent.followers).toBe(0)
})

test('a released child no longer follows its parent, and leaves no listener on it', () => {
  const parent = given()
  const children = [parent.child(), parent.child(), parent.child()]
  expect(parent.followers).toBe(3)
  for (const child of [...children, ...children]) child.release()
  expect(parent.followers).toBe(0)
  parent.abort(reason)
  expect(children.some(({ aborted }) => aborted)).toBe(false)
})

test('of ten thousand children, half are released, and only the others are aborted', () => {
  const parent = given()
  const children = Array.from({ length: 10_000 }, () => parent.child())
  for (const child of children.slice(5_000)) child.release()
  expect(parent.followers).toBe(5_000)
  parent.abort(reason)
  expect(children.filter(({ aborted }) => aborted)).toHaveLength(5_000)
})

test('the native signal of a cancel is created once, and is aborted with the cancel', () => {
  const source = given()
  const { native } = source
  expect(source.native).toBe(native)
  expect(native.aborted).toBe(false)
  source.abort(reason)
  expect(native.reason).toBe(reason)
  expect(source.child().native.reason).toBe(reason)
})

test('a child uses the runtime of its parent', () => {
  const parent = given()
  expect(parent.child().runtime).toBe(parent.runtime)
})
