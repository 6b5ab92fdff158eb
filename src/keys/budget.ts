import type { Budget } from '../chat/caller.ts'

const form = /^(\$)?\s*([\d_]*\d(?:\.\d+)?)\s*(tokens?|usd)?\s*(?:(?:\/|per)\s*(day|month))?$/i

/** Reads `1000000 tokens/day`, `5 USD/month`, or, without a period, what may be used in all. @returns undefined for another text */
export function readBudget(text: string): Budget | undefined {
  const [, dollar, digits = '', word, period] = form.exec(text.trim()) ?? []
  const amount = Number(digits.replaceAll('_', ''))
  const isMoney = dollar !== undefined || word?.toLowerCase() === 'usd'
  const isTokens = word !== undefined && !/usd/i.test(word)
  if (isMoney === isTokens || !(amount >= minAmount) || amount > (isMoney ? maxDollars : maxTokens)) return undefined
  if (isTokens && !Number.isInteger(amount)) return undefined
  const named = period?.toLowerCase() === 'day' ? 'day' : 'month'
  return { amount, unit: isMoney ? 'USD' : 'tokens', ...(period !== undefined && { period: named }) }
}

/** A counter of the store holds as many tokens, and as many billionths of a dollar. */
const maxTokens = 1e15
const maxDollars = 1e6
const minAmount = 1e-9

export function writeBudget({ amount, unit, period }: Budget): string {
  return `${plain(amount)} ${unit}${period === undefined ? '' : `/${period}`}`
}

/** Writes an amount without an exponent, which could not be read again. */
function plain(amount: number): string {
  return amount < 1e-6 ? amount.toFixed(9).replace(/0+$/, '') : String(amount)
}
