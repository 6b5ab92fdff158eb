import { atDelta, deltaMarks, replacing, replacingWhole } from '../changes.ts'
import type { Fault } from '../fault.ts'

/** Faults on the way from the upstream to the client. */
export const answerFaults: readonly Fault[] = [
  {
    name: 'it drops a delta',
    turns: ['stream/whole', 'long/many-events'],
    events: atDelta(deltaMarks.text, (event, nth) => (nth === 3 ? [] : [event])),
  },
  {
    name: 'it doubles a delta',
    turns: ['stream/whole', 'long/many-events'],
    events: atDelta(deltaMarks.text, (event, nth) => (nth === 5 ? [event, event] : [event])),
  },
  {
    name: 'it changes an answer that is not streamed',
    turns: ['stream/not-streamed', 'long/not-streamed'],
    whole: replacingWhole(/"(0 1 2 |A long line )/, '"'),
  },
  { name: 'it collects an answer before it sends it', turns: ['stream/as-it-comes'], switches: { buffers: true } },
  { name: 'it says that a stream is plain text', turns: ['stream/content-type'], switches: { saysPlainStream: true } },
  {
    name: 'it leaves out the names of events',
    turns: ['stream/event-names'],
    surfaces: ['messages', 'responses'],
    events: () => (event) => [{ data: event.data }],
  },
  {
    name: 'it says of each answer that it is complete',
    turns: ['stream/cut-by-length'],
    events: replacing(
      /"finish_reason":"length"|"stop_reason":"max_tokens"|"status":"incomplete"|response\.incomplete/,
      '"finish_reason":"stop","stop_reason":"end_turn","status":"completed"',
    ),
  },
  {
    name: 'it says of each filtered answer that it is complete',
    turns: ['translate/filter'],
    whole: replacingWhole(
      /"finish_reason":"content_filter"|"stop_reason":"refusal"|"status":"incomplete"/,
      '"finish_reason":"stop","stop_reason":"end_turn","status":"completed"',
    ),
  },
  {
    name: 'it decodes each read of the network by itself',
    turns: ['split/every-byte', 'split/calls-every-byte'],
    switches: { decodesEachRead: true },
  },
  { name: 'it takes one event of each read', turns: ['split/all-at-once'], switches: { takesOneOfEachRead: true } },
  { name: 'it knows only LF and "data: "', turns: ['split/odd-lines'], switches: { splitsAtLf: true } },
  {
    name: 'it drops a piece of arguments',
    turns: ['tool/one-call', 'tool/parallel', 'tool/long-arguments', 'tool/odd-arguments', 'tool/text-before'],
    events: atDelta(deltaMarks.arguments, (event, nth) => (nth === 2 ? [] : [event])),
  },
  {
    name: 'it gives all calls one id',
    turns: ['tool/parallel', 'mix/calls'],
    events: replacing(/"(id|call_id)":"call_\w+"/, '"$1":"call_same"'),
  },
  {
    name: 'it adds each piece of arguments to the last call',
    turns: ['tool/interleaved'],
    surfaces: ['chat'],
    events: () => {
      let last = '0'
      return (event) => {
        if (event.data.includes('"type":"function"'))
          last = /"tool_calls":\[\{"index":(\d)/.exec(event.data)?.[1] ?? last
        return [{ ...event, data: event.data.replace(/"tool_calls":\[\{"index":\d/, `"tool_calls":[{"index":${last}`) }]
      }
    },
  },
  {
    name: 'it drops the text beside a call',
    turns: ['tool/text-before'],
    events: atDelta(deltaMarks.text, (event) => (event.data.includes('"content":""') ? [event] : [])),
  },
  {
    name: 'it writes null for no arguments',
    turns: ['tool/no-arguments'],
    events: (surface) => (event) => {
      const data = event.data.replace(/(arguments|partial_json|delta)":"\{"/, '$1":"null"').replace(/":"\}"/, '":""')
      return [surface === 'chat' || /delta/.test(event.data) ? { ...event, data } : event]
    },
  },
  {
    name: 'it rounds numbers of arguments',
    turns: ['tool/digits'],
    surfaces: ['chat', 'responses'],
    whole: replacingWhole(/12345678901234567890/, '12345678901234567000'),
  },
  {
    name: 'it takes the end of calls from the upstream',
    turns: ['tool/ends-with-stop'],
    surfaces: ['chat'],
    switches: { keepsStop: true },
  },
  {
    name: 'it drops reasoning',
    turns: ['reasoning/kept', 'reasoning/before-call'],
    events: atDelta(deltaMarks.thought, () => []),
  },
  {
    name: 'it shows reasoning as a part of the answer',
    turns: ['reasoning/kept', 'reasoning/one-chunk'],
    surfaces: ['chat'],
    events: () => (event) => [{ ...event, data: event.data.replace('"reasoning_content":', '"content":') }],
  },
  {
    name: 'it swaps reasoning and text of one chunk',
    turns: ['reasoning/one-chunk'],
    surfaces: ['chat'],
    events: () => (event) => {
      const chunk = event.data.startsWith('{') ? JSON.parse(event.data) : undefined
      const delta = chunk?.choices[0]?.delta
      if (!delta?.content || !delta.reasoning_content) return [event]
      const { reasoning_content, ...text } = delta
      const of = (one: object) => ({
        data: JSON.stringify({ ...chunk, choices: [{ ...chunk.choices[0], delta: one }] }),
      })
      return [of(text), of({ reasoning_content })]
    },
  },
  {
    name: 'it counts a token too many',
    turns: ['usage/streamed'],
    events: replacing(/"(completion|output)_tokens":567/, '"$1_tokens":568'),
  },
  {
    name: 'it counts a token too many where it does not stream',
    turns: ['usage/not-streamed', 'mix/not-streamed'],
    whole: replacingWhole(/"(completion|output)_tokens":(567|5\d\d\d)/, '"$1_tokens":568'),
  },
  {
    name: 'it forgets the tokens of caches',
    turns: ['usage/cached'],
    events: replacing(/"(cached_tokens|cache_read_input_tokens)":1500/, '"$1":0'),
  },
  {
    name: 'it forgets the tokens of reasoning',
    turns: ['usage/reasoning'],
    surfaces: ['chat', 'responses'],
    events: replacing(/"reasoning_tokens":64/, '"reasoning_tokens":0'),
  },
  {
    name: 'it gives usage unasked',
    turns: ['usage/unasked'],
    surfaces: ['chat'],
    request: (body) => ({ ...body, stream_options: { include_usage: true } }),
  },
  { name: 'it counts the cost wrongly', turns: ['usage/cost'], switches: { countsCostWrongly: true } },
  {
    name: 'it hides a signature in the id of a call',
    turns: ['translate/no-signature-in-id'],
    surfaces: ['chat'],
    events: () => (event) => {
      const signature = /"thought_signature":"(\w+)"/.exec(event.data)?.[1]
      return [signature ? { ...event, data: event.data.replace('"id":"call_1', `"id":"call_1__${signature}`) } : event]
    },
  },
]
