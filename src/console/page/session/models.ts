import { askJson } from './api.ts'

/** A model of `GET /v1/models`, as far as it is used here. */
export interface ListedModel {
  readonly id: string
  /** `model`, or what it is for if it is not for chats. */
  readonly type: string
  readonly display_name: string
  /** The models of a panel, which answer together. */
  readonly members?: readonly string[]
}

/** Loads the models, routes and panels that can chat and that the key may use. */
export async function loadChatModels(signal: AbortSignal): Promise<readonly ListedModel[]> {
  const { data } = await askJson<{ readonly data: readonly ListedModel[] }>('/v1/models', { signal })
  return data.filter(({ type }) => type === 'model')
}
