import { useEffect } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { View } from '../../kit/view.tsx'
import { address } from '../../router.ts'
import { loadChatModels } from '../../session/models.ts'
import { useResource } from '../../session/resource.ts'
import { ColumnView } from './column-view.tsx'
import { Composer } from './composer.tsx'
import { addColumn, columns, maxColumns, news, startAnew } from './conversation.ts'

/** Try and Compare: one question to up to six models, side by side. */
export function TryView() {
  const { try: words } = texts.value
  const models = useResource(loadChatModels)
  const listed = models.value.value
  useEffect(() => {
    const asked = address.value.query.get('model')
    const first = asked ?? listed?.[0]?.id
    if (columns.value.length === 0 && first !== undefined) addColumn(first)
    else if (asked !== null && columns.value.every(({ model }) => model.value !== asked)) addColumn(asked)
  }, [listed])
  const used = new Set(columns.value.map(({ model }) => model.value))
  const next = listed?.find(({ id }) => !used.has(id))?.id ?? ''
  return (
    <View
      title={texts.value.views.try}
      actions={
        <>
          <Button icon="plus" disabled={columns.value.length >= maxColumns} onPress={() => addColumn(next)}>
            {words.addModel}
          </Button>
          <Button icon="refresh" onPress={startAnew}>
            {words.startAnew}
          </Button>
        </>
      }
    >
      <div class="try">
        {models.error.value && (
          <p class="notice bad" role="alert">
            <bdi>{models.error.value.message}</bdi>
          </p>
        )}
        <div class={columns.value.length > 1 ? 'columns' : 'columns single'}>
          {columns.value.map((column) => (
            <ColumnView key={column.id} column={column} models={listed ?? []} />
          ))}
        </div>
        <Composer />
        <News />
      </div>
    </View>
  )
}

/** Says that an answer has begun or ended; what it says is not read aloud on its own. */
function News() {
  const { try: words } = texts.value
  const last = news.value
  return (
    <p class="unseen" role="status">
      {last && words.news[last.state](last.model)}
    </p>
  )
}
