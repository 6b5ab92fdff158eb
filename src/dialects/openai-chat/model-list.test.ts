import { describe, expect, test } from 'bun:test'
import { readModelList } from './model-list.ts'

const idsIn = (body: unknown) => readModelList(body)?.map(({ id }) => id)

describe('a list of models is found', () => {
  const rows: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['as OpenAI has it', { object: 'list', data: [{ id: 'a' }, { id: 'b' }] }, ['a', 'b']],
    ['as Together has it', [{ id: 'a' }, { id: 'b' }], ['a', 'b']],
    ['as Ollama has it', { models: [{ name: 'a:latest', model: 'a:latest' }] }, ['a:latest']],
    ['as llama.cpp has it', { models: [{ name: 'a' }], object: 'list', data: [{ id: 'a' }] }, ['a']],
    ['within another', { data: { models: [{ id: 'a' }] } }, ['a']],
    ['of nothing but names', { data: ['a', ' b '] }, ['a', 'b']],
    ['under a model', { data: [{ model: 'a' }] }, ['a']],
    ['empty', { data: [] }, []],
    ['of null', { data: null }, []],
    ['of null, beside another', { data: null, models: ['a'] }, ['a']],
    ['empty, beside another', { data: [], models: ['a'] }, ['a']],
    ['with entries that are none', { data: [null, 7, [], {}, { id: 7 }, { id: '' }, '', { id: 'a' }] }, ['a']],
    ['with a name where the id is odd', { data: [{ id: null, name: 'a' }] }, ['a']],
    ['with one of them twice', { data: [{ id: 'a' }, { id: 'a' }, 'a', { id: 'b' }] }, ['a', 'b']],
    ['with names that no log should see', { data: [{ id: 'a\nb' }, { id: 'x'.repeat(513) }, { id: 'a' }] }, ['a']],
    ['with the prefix of Gemini', { data: [{ id: 'models/a' }] }, ['a']],
  ]
  for (const [what, body, ids] of rows) test(what, () => expect<unknown>(idsIn(body)).toEqual(ids))

  for (const body of [{}, null, 'a', 7, { data: 'a' }, { data: {} }, { object: 'list' }, { data: [{}] }, [null]])
    test(`not in ${JSON.stringify(body)}`, () => expect(readModelList(body)).toBeUndefined())
})

describe('what is said of a model', () => {
  const about = (entry: object) => {
    const [{ id: _, ...model } = { id: '' }] = readModelList([{ id: 'a', ...entry }]) ?? []
    return model
  }

  test('is read where it is of the right type, and absent otherwise', () => {
    const odd = { created: 'today', owned_by: 7, context_length: -1, architecture: [], capabilities: 7, type: {} }
    expect(about(odd)).toEqual({})
  })

  test('as OpenRouter says it', () => {
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

  test('as Mistral says it', () => {
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
    test(`${JSON.stringify(entry)} is ${kind ?? 'no word about it'}`, () =>
      expect<string | undefined>(about(entry).kind).toBe(kind))

  test('a server that says nothing of tools is not said to take none', () => {
    expect(about({ capabilities: ['completion'] }).takesTools).toBeUndefined()
  })
})
