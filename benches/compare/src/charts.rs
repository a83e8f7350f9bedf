//! What is drawn of the results.

use crate::peers::{
    ArrowIpc, Capnp, Crc32c, FlatstreamRs, Format, LevelDbLog, Mcap, Owned, Plain, PlainCrc32c, Slice, TfRecord,
};
use crate::plot::{Chart, Series, Stroke};
use crate::results::Results;
use crate::rounds::{Group, Kind, Row, Spread};
use crate::tables::{FROM_MEMORY, LENS, Latencies, QUANTILES, shown_len};

/// File names and charts.
pub(crate) fn charts(results: &Results) -> Vec<(&'static str, Chart)> {
    let mut charts = vec![("append.svg", append_chart(results)), ("read.svg", read_chart(results))];
    let latencies = results.latencies().find(|latencies| !latencies.is_slow_disk);
    charts.extend(latencies.map(|latencies| ("latency.svg", latency_chart(latencies))));
    charts
}

const PEERS: [&str; 8] = [
    Plain::NAME,
    PlainCrc32c::NAME,
    FlatstreamRs::NAME,
    LevelDbLog::NAME,
    ArrowIpc::NAME,
    Capnp::NAME,
    Mcap::NAME,
    TfRecord::NAME,
];

fn append_chart(results: &Results) -> Chart {
    // A message of 1 MiB isn't copied by whoever needn't: nothing to be compared.
    let lens: Vec<usize> = LENS.into_iter().filter(|len| *len < 1 << 20).collect();
    throughput(results, "append to a null sink", &[Crc32c::NAME], &lens)
}

fn read_chart(results: &Results) -> Chart {
    throughput(results, FROM_MEMORY, &[Crc32c::NAME, Owned::NAME, Slice::NAME], &LENS)
}

fn throughput(results: &Results, title: &'static str, ours: &[&str], lens: &[usize]) -> Chart {
    let groups: Vec<(f64, &Group)> =
        lens.iter().filter_map(|len| Some(((*len as f64).log2(), results.group(title, &shown_len(*len))?))).collect();
    let limits = groups.first().into_iter().flat_map(|(_, group)| &group.rows);
    let limits = limits.filter(|row| row.kind == Kind::Limit).map(|row| (row.name.as_str(), Stroke::Dashed));
    let names = ours.iter().map(|name| (*name, Stroke::Strong));
    let peers = PEERS.map(|name| (name, if name == Plain::NAME { Stroke::Black } else { Stroke::Thin }));
    let series = names.chain(peers).chain(limits).map(|(name, stroke)| Series {
        name: name.to_owned(),
        stroke,
        points: groups.iter().filter_map(|(place, group)| Some((*place, rate(group, group.row(name)?)))).collect(),
    });
    Chart {
        title: format!("Throughput: {title}"),
        subtitle: "GB/s of messages by their length, both axes logarithmic; median of the rounds, least to greatest"
            .to_owned(),
        ticks: groups.iter().map(|(place, group)| (*place, group.column.clone())).collect(),
        x_name: "length of a message",
        y_name: "GB/s",
        series: series.filter(|series| !series.points.is_empty()).collect(),
    }
}

/// In GB/s.
fn rate(group: &Group, row: &Row) -> Spread {
    let time = row.nanoseconds();
    let rate = |time: f64| group.message_len / time;
    Spread { median: rate(time.median), least: rate(time.greatest), greatest: rate(time.least) }
}

fn latency_chart(latencies: &Latencies) -> Chart {
    let series = latencies.rows.iter().map(|row| Series {
        name: row.name.to_owned(),
        stroke: match row.kind {
            Kind::Ours => Stroke::Strong,
            Kind::Baseline | Kind::Again => Stroke::Black,
            Kind::Limit => Stroke::Dashed,
            Kind::Peer | Kind::Aside => Stroke::Thin,
        },
        points: (0..).map(f64::from).zip(row.quantiles.map(|spread| spread.times(1e-3))).collect(),
    });
    Chart {
        title: format!("Latency: {}", latencies.title),
        subtitle: "microseconds, logarithmic; median of the rounds, least to greatest".to_owned(),
        ticks: (0..).map(f64::from).zip(QUANTILES.iter().map(|(name, _)| (*name).to_owned())).collect(),
        x_name: "quantile",
        y_name: "microseconds",
        series: series.collect(),
    }
}
