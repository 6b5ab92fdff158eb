import { expect, test } from 'bun:test'
import type { ChatRequest } from '../../chat/request.ts'
import { aRequest } from '../../gateway/chat.double.ts'
import { betaUrlFor, prefixAt } from './prefix.ts'

const deepseek = 'https://api.deepseek.com/v1'

test('a server is known by the owner of its models', () => {
  const prefixOf = prefixAt('http://127.0.0.1:8080/v1')
  expect(prefixOf({ id: 'a', ownedBy: 'vllm' })?.body).toEqual({
    'openai-chat': { continue_final_message: true, add_generation_prompt: false },
  })
  expect(prefixOf({ id: 'a', ownedBy: 'llamacpp' })).toBeDefined()
  for (const model of [{ id: 'a' }, { id: 'a', ownedBy: 'openai' }, { id: 'a', ownedBy: 'constructor' }])
    expect(prefixOf(model)).toBeUndefined()
})

test('DeepSeek has a prefix at its own address, for the model that does not think', () => {
  expect(prefixAt(deepseek)({ id: 'deepseek-chat' })?.message).toEqual({ 'openai-chat': { prefix: true } })
  expect(prefixAt(deepseek)({ id: 'deepseek-reasoner' })).toBeUndefined()
  expect(prefixAt('https://relay.example/v1')({ id: 'deepseek-chat' })).toBeUndefined()
})

test('only a request with a prefix goes to the beta of DeepSeek', () => {
  const beginning = { role: 'assistant', content: [], extra: { 'openai-chat': { prefix: true } } } as const
  const request: ChatRequest = { ...aRequest, messages: [...aRequest.messages, beginning] }
  expect(betaUrlFor(`${deepseek}/chat/completions`, request)).toBe('https://api.deepseek.com/beta/chat/completions')
  expect(betaUrlFor(`${deepseek}/chat/completions`, aRequest)).toBeUndefined()
  expect(betaUrlFor('https://relay.example/v1/chat/completions', request)).toBeUndefined()
})
