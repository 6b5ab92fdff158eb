import { expect, test } from 'bun:test'
import { toolLimits } from '../gateway/tool-loop/limits.ts'
import { Environment } from './environment.ts'
import { readToolLimits } from './read-tool-limits.ts'

test('the defaults are those of the contract', () => {
  expect(readToolLimits(new Environment({}))).toEqual({ limits: toolLimits })
})

test('each limit can be set, the time in seconds', () => {
  const environment = new Environment({
    TOOL_MAX_ROUNDS: '2',
    TOOL_MAX_CALLS: '3',
    TOOL_MAX_PARALLEL: '4',
    TOOL_TIMEOUT: '5',
    TOOL_MAX_RESULT_BYTES: '6000',
    TOOL_SUMMARY_CHARACTERS: '7000',
    TOOL_SEARCH_OVER: '8',
    SUMMARY_MODEL: 'mistral/mistral-small-latest',
  })
  expect(readToolLimits(environment)).toEqual({
    limits: {
      maxRounds: 2,
      maxCalls: 3,
      maxParallel: 4,
      timeoutMs: 5_000,
      maxResultBytes: 6_000,
      summaryCharacters: 7_000,
      searchOver: 8,
    },
    summaryModel: 'mistral/mistral-small-latest',
  })
  expect(environment.problems).toEqual([])
})

test('an invalid limit is a problem', () => {
  const environment = new Environment({ TOOL_MAX_ROUNDS: '0', TOOL_SUMMARY_CHARACTERS: '999', TOOL_TIMEOUT: '1.5' })
  readToolLimits(environment)
  expect(environment.problems.map(({ variable }) => variable)).toEqual([
    'TOOL_MAX_ROUNDS',
    'TOOL_TIMEOUT',
    'TOOL_SUMMARY_CHARACTERS',
  ])
})
