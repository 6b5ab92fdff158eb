import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function RequestsView() {
  return <View title={texts.value.views.requests}>{null}</View>
}
