import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { RetryBudget } from './retry-budget.ts'

/** A budget whose clock is set by hand. */
function given() {
  let now = 0
  const budget = new RetryBudget({ elapsed: () => now })
  return {
    budget,
    pass(ms: number) {
      now += ms
    },
    /** How many retries it pays for at this moment. */
    spend(): number {
      let retries = 0
      while (budget.withdraw()) retries++
      return retries
    },
  }
}

test('a new budget pays for ten retries', () => {
  expect(given().spend()).toBe(10)
})

test('every fifth request pays for a retry', () => {
  const { budget, spend } = given()
  spend()
  for (let requests = 0; requests < 51; requests++) budget.deposit()
  expect(spend()).toBe(10)
})

test('P7: without requests ten retries a second are paid for', () => {
  const { spend, pass } = given()
  spend()
  pass(1_000)
  expect(spend()).toBe(10)
  pass(100)
  expect(spend()).toBe(1)
  pass(99)
  expect(spend()).toBe(0)
})

test('P7: neither a quiet hour nor a busy one without retries pays for a storm: twenty are the most', () => {
  const quiet = given()
  quiet.pass(3_600_000)
  expect(quiet.spend()).toBe(20)
  const busy = given()
  for (let requests = 0; requests < 100_000; requests++) busy.budget.deposit()
  expect(busy.spend()).toBe(20)
})

test('what is refused costs nothing', () => {
  const { budget, spend, pass } = given()
  spend()
  for (let refused = 0; refused < 1_000; refused++) expect(budget.withdraw()).toBe(false)
  pass(100)
  expect(spend()).toBe(1)
})

test('P7: a thousand failing requests a second cost a fifth more, ten a second, and no burst beyond that', () => {
  const { budget, pass } = given()
  let retries = 0
  for (let request = 0; request < 60_000; request++) {
    pass(1)
    budget.deposit()
    if (budget.withdraw()) retries++
  }
  expect(retries).toBeGreaterThan(60_000 * 0.2)
  expect(retries).toBeLessThanOrEqual(60_000 * 0.2 + 60 * 10 + 10)
})

test('P7: whatever comes when, retries are never more than ten, a fifth of the requests and ten a second', () => {
  const step = fc.oneof(fc.constantFrom('request', 'request', 'retry'), fc.nat(2_000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const { budget, pass } = given()
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

test('what is left is what it would pay for, and looking at it spends nothing', () => {
  const { budget, pass, spend } = given()
  expect([budget.left, budget.left, budget.max]).toEqual([10, 10, 20])
  pass(10_000)
  expect(budget.left).toBe(20)
  spend()
  expect(budget.left).toBe(0)
  pass(100)
  expect(budget.left).toBe(1)
})
