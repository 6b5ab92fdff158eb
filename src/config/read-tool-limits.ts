import { type ToolLimits, toolLimits } from '../gateway/tool-loop/limits.ts'
import type { Environment } from './environment.ts'

/** The settings of the tool loop. */
export interface ToolLoopConfig {
  readonly limits: ToolLimits
  /** The model that summarises long results; by default the request's own model. */
  readonly summaryModel?: string
}

/** Reads the limits of the tool loop: `TOOL_…` and `SUMMARY_MODEL`. */
export function readToolLimits(environment: Environment): ToolLoopConfig {
  const count = (name: string, fallback: number, max: number, min = 1) =>
    environment.integer(name, { fallback, min, max })
  const summaryModel = environment.text('SUMMARY_MODEL')
  const { maxRounds, maxCalls, maxParallel, timeoutMs, maxResultBytes, summaryCharacters, searchOver } = toolLimits
  return {
    limits: {
      maxRounds: count('TOOL_MAX_ROUNDS', maxRounds, 100),
      maxCalls: count('TOOL_MAX_CALLS', maxCalls, 1_000),
      maxParallel: count('TOOL_MAX_PARALLEL', maxParallel, 64),
      timeoutMs: count('TOOL_TIMEOUT', timeoutMs / 1000, 3_600) * 1000,
      maxResultBytes: count('TOOL_MAX_RESULT_BYTES', maxResultBytes, 4 * 1024 * 1024, 1024),
      summaryCharacters: count('TOOL_SUMMARY_CHARACTERS', summaryCharacters, 256 * 1024, 1_000),
      searchOver: count('TOOL_SEARCH_OVER', searchOver, 100_000),
    },
    ...(summaryModel !== undefined && { summaryModel }),
  }
}
