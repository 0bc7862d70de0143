/* A dashboard as Grafana's published types have it, written as JSON: what test_grafana_types.py holds the dashboards against. */
import type { AnnotationQuery, Dashboard, DataQuery, FieldConfig, Panel, RowPanel, VariableModel } from '@grafana/schema';
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { FieldConfig as TableField, Options as Table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesField, Options as TimeSeries,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/* In JSON a member of an enumeration is its value. */
type Json<T> = T extends string ? `${T}`
  : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T)
  : T extends boolean | null | undefined ? T
  : T extends Array<infer E> ? Json<E>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> }
  : T;

/* Queries are the data sources' own. These two publish no types with a licence like this repository's, so these are what their
 * pages say. */
interface PrometheusQuery extends DataQuery {
  datasource: { type: 'prometheus'; uid: string };
  editorMode: 'code' | 'builder';
  expr: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  legendFormat: string;
  range: boolean;
}
interface ClickHouseQuery extends DataQuery {
  datasource: { type: 'grafana-clickhouse-datasource'; uid: string };
  editorType: 'sql';
  format: 0 | 1 | 2 | 3;
  pluginVersion: string;
  queryType: 'table' | 'logs' | 'timeseries' | 'traces';
  rawSql: string;
}
interface PrometheusAnnotation extends AnnotationQuery {
  expr: string;
  step?: string;
  tagKeys?: string;
  textFormat?: string;
  titleFormat?: string;
  useValueForTime?: 'on' | 'off';
}

/* A panel of one kind. Grafana adds its defaults to options and fields, so they may be left out. */
type Kind<Type extends string, Options, Custom> = Omit<Panel, 'fieldConfig' | 'options' | 'targets' | 'type'> & {
  type: Type;
  options: Partial<Options>;
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom'> & { custom?: Partial<Custom> };
    overrides: NonNullable<Panel['fieldConfig']>['overrides'];
  };
  targets: (PrometheusQuery | ClickHouseQuery)[];
};
type AnyPanel = RowPanel
  | Kind<'bargauge', BarGauge, never>
  | Kind<'stat', Stat, never>
  | Kind<'table', Table, TableField>
  | Kind<'timeseries', TimeSeries, TimeSeriesField>;

export type Board = Json<Omit<Dashboard, 'annotations' | 'panels' | 'templating'> & {
  annotations: { list: PrometheusAnnotation[] };
  panels: AnyPanel[];
  templating: { list: VariableModel[] };
}>;
