/** A model of the emulator, and what it can do. */
interface EmulatedModel {
  readonly id: string
  readonly can: Readonly<Record<string, boolean>>
}

export const models: readonly EmulatedModel[] = [
  { id: 'mistral-small-latest', can: { completion_chat: true, function_calling: true, vision: true } },
  { id: 'magistral-small-latest', can: { completion_chat: true, function_calling: true, vision: false } },
  { id: 'ministral-8b-latest', can: { completion_chat: true, function_calling: true, vision: false } },
  { id: 'mistral-embed', can: { completion_chat: false, function_calling: false, vision: false } },
]
/** The time at which every model and answer was made, in seconds since 1970. */
export const created = 1_760_000_000
/** The reply of `GET /v1/models`. */
export function modelList(): object {
  return {
    object: 'list',
    data: models.map(({ id, can }) => ({
      id,
      object: 'model',
      created,
      owned_by: 'mistralai',
      capabilities: { completion_fim: false, fine_tuning: false, ...can },
      name: id,
      description: null,
      max_context_length: 131_072,
      aliases: [],
      deprecation: null,
      default_model_temperature: 0.3,
      type: 'base',
    })),
  }
}
