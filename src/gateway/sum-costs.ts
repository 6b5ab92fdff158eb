import type { AnswerCost, Receipt } from '../flow/call.ts'

/** The sum over all answers. It is unknown if a part of it is. */
export function sumCosts(answers: Receipt['answers'], name: keyof AnswerCost): number | undefined {
  if (answers.length === 0) return undefined
  let sum = 0
  for (const { cost } of answers) {
    const amount = cost?.[name]
    if (amount === undefined) return undefined
    sum += amount
  }
  return sum
}
