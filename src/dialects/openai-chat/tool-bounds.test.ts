import { expect, test } from 'bun:test'
import { openaiToolBounds, toolBoundsAt } from './tool-bounds.ts'

test('OpenAI’s own bounds apply only at its addresses and at Azure’s', () => {
  for (const url of [
    'https://api.openai.com/v1',
    'https://API.openai.com/v1/',
    'https://eu.api.openai.com/v1',
    'https://lab.openai.azure.com/openai/deployments/gpt?api-version=1',
  ])
    expect(toolBoundsAt(url)).toBe(openaiToolBounds)
  for (const url of ['http://127.0.0.1:1/v1', 'https://api.openai.com.example/v1', 'https://notapi.openai.com.x/', 'x'])
    expect(toolBoundsAt(url)).toBeUndefined()
})
