import { describe, expect, test } from 'bun:test'
import { countTokens } from './count-tokens.ts'

/** Texts with their tokens in OpenAI's o200k_base and cl100k_base, counted with gpt-tokenizer 3. */
const samples: readonly (readonly [kind: string, o200k: number, cl100k: number, text: string])[] = [
  [
    'prose',
    39,
    39,
    'A gateway stands between a program and several services. It reads the request, asks one of them, and relays the answer while it is written; if nothing comes, it asks another one.',
  ],
  [
    'code',
    37,
    37,
    "export function joined(parts: readonly string[]): string {\n  if (parts.length === 0) return ''\n  return parts.map((part) => part.trim()).join('\\n')\n}\n",
  ],
  [
    'JSON',
    34,
    32,
    '{"type":"object","properties":{"file_path":{"type":"string","description":"The absolute path"},"limit":{"type":"number"}},"required":["file_path"]}',
  ],
  ['a log', 36, 36, '2026-11-29T16:10:03.123Z INFO request id=9e3779b1 path=/v1/messages status=200 ms=17'],
  ['numbers', 40, 40, '7919.37, 15838.74, 23758.11, 31677.48, 39596.85, 47516.22, 55435.59'],
  ['hexadecimal', 43, 43, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  ['base64', 53, 54, 'U29tZSBieXRlcyB0aGF0IGFyZSBubyB0ZXh0OiAA/wHhYp8zQ0r5n1B7mPz9kQe2uX0='],
  ['constants', 12, 11, 'MAX_OUTPUT_TOKENS, DEFAULT_TIMEOUT_MS and HTTP_PROXY'],
  ['indentation', 14, 14, '      if (a) {\n        b()\n\n      }\n\t\t\tc\n'],
  ['German', 18, 25, 'Das Programm größerer Betriebe läuft unverändert weiter; Änderungen sind überflüssig.'],
  ['Russian', 19, 33, 'Шлюз объединяет разные сервисы в один интерфейс, и программа работает как прежде.'],
  ['Chinese', 19, 28, '网关将不同的服务统一为一个接口，客户端可以继续使用原来的程序。'],
  ['Japanese', 23, 32, 'ゲートウェイは複数のサービスを一つのインターフェースにまとめます。'],
  ['Korean', 16, 28, '게이트웨이는 여러 서비스를 하나의 인터페이스로 통합합니다.'],
  ['Arabic', 12, 33, 'تجمع البوابة خدمات مختلفة خلف واجهة واحدة.'],
  ['emoji', 11, 18, '😀👍🎉 done ✅ 👩‍🚀'],
]

describe('the estimate is not below a tokenizer, and not far above it:', () => {
  for (const [kind, o200k, cl100k, text] of samples)
    test(kind, () => {
      // `countRequest` adds 15 %
      expect(countTokens(text) * 1.15).toBeGreaterThanOrEqual(o200k)
      expect(countTokens(text)).toBeGreaterThan(0.7 * cl100k)
      expect(countTokens(text)).toBeLessThanOrEqual(2.3 * o200k)
    })
})

test('the rest of a long text counts as its beginning', () => {
  const text = 'one two three, '.repeat(40_000)
  expect(countTokens(text) / countTokens(text.slice(0, 150_000))).toBeCloseTo(4, 1)
  expect(countTokens(text.slice(0, 1_500), 15_000)).toBe(10 * countTokens(text.slice(0, 1_500)))
})
