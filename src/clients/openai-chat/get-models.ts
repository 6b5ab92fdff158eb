import type { Model } from '../../chat/model.ts'
import { readComplaint } from '../../dialects/openai-chat/complaint.ts'
import { readModelList } from '../../dialects/openai-chat/model-list.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { getJson } from '../../wire/get-json.ts'

/** Asks a service for its models, and skips those that cannot be read. @throws ChatError */
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
