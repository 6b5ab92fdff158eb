import type { Model } from '../../chat/model.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { getJson } from '../../wire/get-json.ts'
import { readComplaint } from './complaint.ts'
import { readModelList } from './model-list.ts'

/** Asks a service for its models, and reads what can be read of its answer. @throws ChatError */
export function getModels(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: Cancel,
): Promise<readonly Model[]> {
  return getJson({ url, headers, schema, readComplaint }, signal)
}

const schema = {
  safeParse(value: unknown) {
    const data = readModelList(value)
    return data ? ({ success: true, data } as const) : ({ success: false } as const)
  },
}
