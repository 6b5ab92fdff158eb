import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { RetryBudget } from './retry-budget.ts'

/** A budget with a clock that the test sets. */
function setUp() {
  let now = 0
  const budget = new RetryBudget({ elapsed: () => now })
  return {
    budget,
    pass(ms: number) {
      now += ms
    },
    /** Returns the number of retries that it allows at this moment. */
    spend(): number {
      let retries = 0
      while (budget.withdraw()) retries++
      return retries
    },
  }
}

test('a new budget allows ten retries', () => {
  expect(setUp().spend()).toBe(10)
})

test('every fifth request allows a retry', () => {
  const { budget, spend } = setUp()
  spend()
  for (let requests = 0; requests < 51; requests++) budget.deposit()
  expect(spend()).toBe(10)
})

test('P7: without requests ten retries a second are allowed', () => {
  const { spend, pass } = setUp()
  spend()
  pass(1_000)
  expect(spend()).toBe(10)
  pass(100)
  expect(spend()).toBe(1)
  pass(99)
  expect(spend()).toBe(0)
})

test('P7: at most twenty retries are saved, even in an hour without requests or without retries', () => {
  const quiet = setUp()
  quiet.pass(3_600_000)
  expect(quiet.spend()).toBe(20)
  const busy = setUp()
  for (let requests = 0; requests < 100_000; requests++) busy.budget.deposit()
  expect(busy.spend()).toBe(20)
})

test('a refused retry costs nothing', () => {
  const { budget, spend, pass } = setUp()
  spend()
  for (let refused = 0; refused < 1_000; refused++) expect(budget.withdraw()).toBe(false)
  pass(100)
  expect(spend()).toBe(1)
})

test('P7: for a thousand failing requests a second, the retries are a fifth of them and ten a second', () => {
  const { budget, pass } = setUp()
  let retries = 0
  for (let request = 0; request < 60_000; request++) {
    pass(1)
    budget.deposit()
    if (budget.withdraw()) retries++
  }
  expect(retries).toBeGreaterThan(60_000 * 0.2)
  expect(retries).toBeLessThanOrEqual(60_000 * 0.2 + 60 * 10 + 10)
})

test('P7: retries are never more than ten, a fifth of the requests and ten a second', () => {
  const step = fc.oneof(fc.constantFrom('request', 'request', 'retry'), fc.nat(2_000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const { budget, pass } = setUp()
      const sum = { ms: 0, requests: 0, retries: 0 }
      for (const each of steps) {
        if (typeof each === 'number') {
          pass(each)
          sum.ms += each
        } else if (each === 'request') {
          budget.deposit()
          sum.requests++
        } else if (budget.withdraw()) sum.retries++
      }
      expect(sum.retries).toBeLessThanOrEqual(10 + sum.requests * 0.2 + sum.ms / 100 + 1e-6)
    }),
  )
})

test('`left` shows the allowed retries without spending any', () => {
  const { budget, pass, spend } = setUp()
  expect([budget.left, budget.left, budget.max]).toEqual([10, 10, 20])
  pass(10_000)
  expect(budget.left).toBe(20)
  spend()
  expect(budget.left).toBe(0)
  pass(100)
  expect(budget.left).toBe(1)
})
