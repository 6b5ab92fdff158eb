import { describe, expect, test } from 'bun:test'
import { kindOf } from './model-kind.ts'

describe('the name of a model shows its kind', () => {
  const rows = {
    embedding: [
      'text-embedding-3-small',
      'text-embedding-ada-002',
      'nomic-embed-text:latest',
      'mxbai-embed-large',
      'BAAI/bge-m3',
      'intfloat/e5-mistral-7b-instruct',
      'E5-Mistral-7B-Instruct',
      'all-minilm:l6',
      'gemini-embedding-001',
      'voyage-3-large',
      'sentence-transformers/all-mpnet-base-v2',
      'togethercomputer/m2-bert-80M-8k-retrieval',
    ],
    audio: [
      'whisper-1',
      'whisper-large-v3-turbo',
      'tts-1',
      'tts-1-hd',
      'gpt-4o-mini-tts',
      'gpt-4o-transcribe',
      'gpt-4o-audio-preview',
      'gpt-realtime-mini',
      'gpt-4o-realtime-preview',
      'gemini-2.5-flash-preview-tts',
      'gemini-2.0-flash-live-001',
      'canopylabs/orpheus-v1-english',
      'coqui/xtts-v2',
      'musicgen-large',
    ],
    image: [
      'dall-e-3',
      'gpt-image-1',
      'imagen-4.0-generate-001',
      'black-forest-labs/FLUX.1-schnell',
      'grok-2-image',
      'sdxl-turbo',
    ],
    video: ['sora-2', 'veo-3.0-generate', 'tencent/hunyuan-video', 'cogvideox-5b'],
    moderation: [
      'omni-moderation-latest',
      'meta-llama/Llama-Guard-4-12B',
      'openai/gpt-oss-safeguard-20b',
      'meta-llama/llama-prompt-guard-2-86m',
    ],
    rerank: ['rerank-v3.5', 'bge-reranker-v2-m3', 'Salesforce/Llama-Rank-V1-rerank'],
    completion: [
      'davinci-002',
      'babbage-002',
      'gpt-3.5-turbo-instruct',
      'mistral-ocr-latest',
      'o3-pro',
      'o4-mini-deep-research',
    ],
    chat: [
      'gpt-5-mini',
      'gpt-4o',
      'gpt-4o-mini',
      'o3',
      'gpt-5-codex',
      'gpt-4o-search-preview',
      'llama-3.3-70b-versatile',
      'meta-llama/Llama-4-Maverick-17B-128E-Instruct',
      'qwen/qwen3-32b',
      'claude-sonnet-4.5',
      'gemini-2.5-flash',
      'gemma3:4b',
      'sonar-deep-research',
      'mistral-small-latest',
      'deepseek-v3.1-terminus',
      'moonshotai/kimi-k2-instruct',
      'phi4-mini',
      'command-r-08-2024',
      'jamba-mini',
      'olive-7b',
      'video-llava-7b',
      'albert-chat',
      'voxtral-small-latest',
      'demo/echo',
    ],
  } as const
  for (const [kind, ids] of Object.entries(rows))
    for (const id of ids) test(`${id} is for ${kind}`, () => expect<string>(kindOf({ id })).toBe(kind))
})

test('the kind that the upstream states is used, even if the model’s name suggests another', () => {
  expect(kindOf({ id: 'gemini-2.5-flash-image', kind: 'chat' })).toBe('chat')
  expect(kindOf({ id: 'gpt-5', kind: 'image' })).toBe('image')
})
