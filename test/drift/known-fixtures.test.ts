/** Everything that the protocols document is known: no fixture raises an alarm, except those that have something unknown on purpose. */
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import type { Drift, NoteDrift } from '../../src/chat/drift.ts'
import { MessageFrames } from '../../src/clients/anthropic-messages/message-frames.ts'
import { completionReader } from '../../src/clients/openai-chat/read-reply.ts'
import { ResponseFrames } from '../../src/clients/openai-responses/response-frames.ts'
import { CohereDecoder } from '../../src/providers/cohere/events.ts'
import { CtoDecoder } from '../../src/providers/cto/events.ts'
import { AccountRuns } from '../../src/providers/langfast/account-runs.ts'
import { RunReader } from '../../src/providers/langfast/events.ts'
import { DataStreamDecoder } from '../../src/providers/smithery/data-stream.ts'
import { UiMessageDecoder } from '../../src/providers/smithery/events.ts'
import { never } from '../laws/in-memory.ts'

type ReadFrame = (frame: string) => unknown

function completions(noteDrift: NoteDrift): ReadFrame {
  const options = { choices: 1, newId: () => 'call_1', noteDrift, stream: true, signal: never }
  const decoder = completionReader.frames(options)
  return (data) => decoder.frame({ data })
}

function socketEvents(note: NoteDrift): ReadFrame {
  const reader = new RunReader(new AccountRuns(), () => undefined, note)
  reader.expect()
  return (text) => {
    const [name, ...values]: [string, ...unknown[]] = JSON.parse(text.slice('42'.length))
    return reader.event({ name, values })
  }
}

/** How the fixtures of a folder are read, frame by frame. */
const readers: Readonly<Record<string, (note: NoteDrift, fixture: string) => ReadFrame>> = {
  'dialects/openai-chat': completions,
  'providers/openai-compatible': completions,
  'providers/mistral': completions,
  'providers/ai21': completions,
  'dialects/anthropic-messages': (noteDrift) => {
    const decoder = new MessageFrames({ noteDrift })
    return (data) => decoder.frame({ data })
  },
  'dialects/openai-responses': (note) => {
    const decoder = new ResponseFrames(undefined, note)
    return (data) => decoder.frame({ data })
  },
  'providers/cohere': (note) => {
    const decoder = new CohereDecoder([], note)
    return (data) => decoder.frame({ data })
  },
  'providers/smithery': (note, fixture) => {
    const decoder = fixture.startsWith('data-stream') ? new DataStreamDecoder(note) : new UiMessageDecoder(note)
    return (data) => decoder.frame({ data })
  },
  'providers/cto': (note) => {
    const decoder = new CtoDecoder(note)
    return (text) => decoder.frame(text)
  },
  'providers/langfast': socketEvents,
}

const source = new URL('../../src/', import.meta.url)

/** What the fixtures have on purpose that no protocol has. */
const planted: Readonly<Record<string, readonly string[]>> = {
  'dialects/anthropic-messages unknown': ['unknown_event weather_report'],
  'providers/cohere call-without-a-name': ['missing_field tool-call-start: delta.message.tool_calls.function.name'],
  'providers/cohere unknown-shape': ['missing_field type'],
  'providers/smithery unknown-shape': ['missing_field type'],
  'providers/smithery unknown-chunks': [
    'unknown_event something-new',
    'unknown_event tool-something-new',
    'missing_field tool-input-start: toolName',
    'missing_field text-delta: delta',
    'wrong_type finish: messageMetadata.usage',
  ],
  'providers/cto unknown-documents': ['unknown_event presence'],
  'providers/cto unknown-shape': ['missing_field type'],
  'providers/cto state-without-a-word': ['missing_field state: state'],
  'providers/langfast others-between': ['unknown_event presence'],
}

for (const [folder, open] of Object.entries(readers)) {
  const path = new URL(`${folder}/fixtures/`, source)
  const names = readdirSync(path)
    .filter((name) => name.endsWith('.frames.txt'))
    .map((name) => name.replace('.frames.txt', ''))
  describe(folder, () => {
    for (const name of names)
      test(name, () => {
        const drifts: Drift[] = []
        const read = open((drift) => drifts.push(drift), name)
        for (const frame of readFileSync(new URL(`${name}.frames.txt`, path), 'utf8')
          .trimEnd()
          .split('\n')) {
          try {
            read(frame)
          } catch {
            break // the answer fails, as this fixture is meant to show
          }
        }
        expect(drifts.map(({ kind, where }) => `${kind} ${where}`)).toEqual([...(planted[`${folder} ${name}`] ?? [])])
      })
  })
}
