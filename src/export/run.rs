//! Runs an export: rows are made and written at the same time, at most two portions apart.
//!
//! A file is finished only if all rows were made. If the output takes no more, the export ends.

use tokio::sync::mpsc;

use super::formats::{Format, Output, WriteError, writer};
use super::table::{Description, Export, TableError};
use super::tables::Row;

/// The portions that wait to be written.
const AHEAD: usize = 2;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailed {
    /// The rows could not be made.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The rows could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What the writer gets.
enum Portion {
    /// Further rows.
    Rows(Vec<Row>),
    /// There are no more.
    End,
}

/// Writes a whole table. Returns the number of rows.
pub async fn run(mut export: Export, format: Format, out: Output) -> Result<u64, ExportFailed> {
    let (send, receive) = mpsc::channel(AHEAD);
    let described = export.description().clone();
    let writing = tokio::task::spawn_blocking(move || write(format, &described, out, receive));
    let made = make(&mut export, send).await;
    let written = writing.await.map_err(|_| WriteError::Panicked)?;
    // If the writer failed, no more rows were made, and its error is the cause.
    made?;
    Ok(written?)
}

async fn make(export: &mut Export, send: mpsc::Sender<Portion>) -> Result<(), TableError> {
    while let Some(rows) = export.next().await? {
        if send.send(Portion::Rows(rows)).await.is_err() {
            return Ok(());
        }
    }
    // A writer that is gone has said why.
    let _ = send.send(Portion::End).await;
    Ok(())
}

fn write(
    format: Format,
    described: &Description,
    out: Output,
    mut receive: mpsc::Receiver<Portion>,
) -> Result<u64, WriteError> {
    let (mut writer, mut count) = (writer(format, described, out)?, 0);
    while let Some(portion) = receive.blocking_recv() {
        match portion {
            Portion::Rows(rows) => {
                writer.rows(&rows)?;
                count += rows.len() as u64;
            }
            Portion::End => {
                writer.finish()?;
                return Ok(count);
            }
        }
    }
    Err(WriteError::Unfinished)
}
