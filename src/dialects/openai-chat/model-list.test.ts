import { describe, expect, test } from 'bun:test'
import { readModelList } from './model-list.ts'

const idsIn = (body: unknown) => readModelList(body)?.map(({ id }) => id)

describe('a list of models is found', () => {
  const rows: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['in the form of OpenAI', { object: 'list', data: [{ id: 'a' }, { id: 'b' }] }, ['a', 'b']],
    ['in the form of Together', [{ id: 'a' }, { id: 'b' }], ['a', 'b']],
    ['in the form of Ollama', { models: [{ name: 'a:latest', model: 'a:latest' }] }, ['a:latest']],
    ['in the form of llama.cpp', { models: [{ name: 'a' }], object: 'list', data: [{ id: 'a' }] }, ['a']],
    ['within another', { data: { models: [{ id: 'a' }] } }, ['a']],
    ['with names only', { data: ['a', ' b '] }, ['a', 'b']],
    ['under a model', { data: [{ model: 'a' }] }, ['a']],
    ['empty', { data: [] }, []],
    ['of null', { data: null }, []],
    ['that is null, next to another one', { data: null, models: ['a'] }, ['a']],
    ['empty, beside another', { data: [], models: ['a'] }, ['a']],
    ['with invalid entries', { data: [null, 7, [], {}, { id: 7 }, { id: '' }, '', { id: 'a' }] }, ['a']],
    ['with a name and an invalid id', { data: [{ id: null, name: 'a' }] }, ['a']],
    ['with an entry that comes twice', { data: [{ id: 'a' }, { id: 'a' }, 'a', { id: 'b' }] }, ['a', 'b']],
    ['with names that are unsafe for a log', { data: [{ id: 'a\nb' }, { id: 'x'.repeat(513) }, { id: 'a' }] }, ['a']],
    ['with the prefix of Gemini', { data: [{ id: 'models/a' }] }, ['a']],
  ]
  for (const [what, body, ids] of rows) test(what, () => expect<unknown>(idsIn(body)).toEqual(ids))

  for (const body of [{}, null, 'a', 7, { data: 'a' }, { data: {} }, { object: 'list' }, { data: [{}] }, [null]])
    test(`not in ${JSON.stringify(body)}`, () => expect(readModelList(body)).toBeUndefined())
})

describe('the facts of a model', () => {
  const about = (entry: object) => {
    const [{ id: _, ...model } = { id: '' }] = readModelList([{ id: 'a', ...entry }]) ?? []
    return model
  }

  test('are read if they have the right type', () => {
    const odd = { created: 'today', owned_by: 7, context_length: -1, architecture: [], capabilities: 7, type: {} }
    expect(about(odd)).toEqual({})
  })

  test('are read in the form of OpenRouter', () => {
    const architecture = { modality: 'text->text', input_modalities: ['text', 'image'], output_modalities: ['text'] }
    const entry = { context_length: 8, top_provider: { max_completion_tokens: 4 }, architecture }
    expect(about({ ...entry, supported_parameters: ['tools', 'structured_outputs', 'seed'] })).toEqual({
      contextLength: 8,
      maxOutputTokens: 4,
      inputModalities: ['text', 'image'],
      outputModalities: ['text'],
      capabilities: ['tools', 'structured-output'],
      kind: 'chat',
    })
    expect(about({ ...entry, supported_parameters: ['seed'] })).toMatchObject({ takesTools: false })
  })

  test('are read in the form of Mistral', () => {
    expect(about({ capabilities: { completion_chat: true, function_calling: true, vision: true } })).toEqual({
      inputModalities: ['text', 'image'],
      outputModalities: ['text'],
      capabilities: ['tools'],
      kind: 'chat',
    })
    expect(about({ capabilities: { completion_chat: true, function_calling: false } })).toEqual({
      takesTools: false,
      kind: 'chat',
    })
  })

  const kinds: readonly (readonly [object, string | undefined])[] = [
    [{ type: 'chat' }, 'chat'],
    [{ type: 'language' }, 'chat'],
    [{ type: 'llm' }, 'chat'],
    [{ type: 'vlm' }, 'chat'],
    [{ type: 'embeddings' }, 'embedding'],
    [{ type: 'image' }, 'image'],
    [{ type: 'moderation' }, 'moderation'],
    [{ type: 'rerank' }, 'rerank'],
    [{ type: 'audio' }, 'audio'],
    [{ type: 'transcribe' }, 'audio'],
    [{ task: 'chat-completion' }, 'chat'],
    [{ pipeline_tag: 'feature-extraction' }, 'embedding'],
    [{ endpoints: ['embed'] }, 'embedding'],
    [{ endpoints: ['embed', 'chat'] }, 'chat'],
    [{ capabilities: { completion_chat: false } }, 'completion'],
    [{ supports_chat: false }, 'completion'],
    [{ supports_chat: true }, 'chat'],
    [{ capabilities: ['embedding'] }, 'embedding'],
    [{ capabilities: ['completion'] }, undefined],
    [{ architecture: { output_modalities: ['image', 'text'] } }, 'chat'],
    [{ architecture: { output_modalities: ['image'] } }, 'image'],
    [{ architecture: { output_modalities: ['embeddings'] } }, 'embedding'],
    [{ architecture: { modality: 'text->audio' } }, 'audio'],
    [{ architecture: { modality: 'text+image->text' } }, 'chat'],
    [{ type: 'model' }, undefined],
  ]
  for (const [entry, kind] of kinds)
    test(`${JSON.stringify(entry)} is ${kind ?? 'unknown'}`, () =>
      expect<string | undefined>(about(entry).kind).toBe(kind))

  test('the support for tools is unknown if the server does not state it', () => {
    expect(about({ capabilities: ['completion'] }).takesTools).toBeUndefined()
  })
})
