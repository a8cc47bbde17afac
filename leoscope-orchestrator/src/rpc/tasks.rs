use leoscope_core::Result;
use leoscope_core::ids::UserId;
use leoscope_core::model::TaskFilter;
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::unary;

use super::Call;

pub(super) async fn schedule_task(
    call: &Call,
    request: unary::ScheduleTaskRequest,
) -> Result<unary::ScheduleTaskResponse> {
    call.session.schedule_task(request.try_into()?).await?;
    let message = "task successfully scheduled".to_owned();
    Ok(unary::ScheduleTaskResponse { message, ..Default::default() })
}

pub(super) async fn get_tasks(
    call: &Call,
    request: unary::GetTasksRequest,
) -> Result<unary::GetTasksResponse> {
    let tasks = call.session.tasks(&TaskFilter::try_from(request)?).await?;
    Ok(unary::GetTasksResponse { tasks: tasks.into_iter().map(Into::into).collect() })
}

pub(super) async fn update_task(
    call: &Call,
    request: unary::UpdateTaskRequest,
) -> Result<unary::UpdateTaskResponse> {
    let (id, status, address) = request.try_into()?;
    call.session.update_task(&id, status, address).await?;
    Ok(unary::UpdateTaskResponse { message: "updated task successfully".to_owned(), ..Default::default() })
}

pub(super) async fn kernel_access(
    call: &Call,
    request: unary::KernelAccessRequest,
) -> Result<unary::KernelAccessResponse> {
    call.session.kernel_access(&UserId::parse(&request.userid)?).await?;
    Ok(unary::KernelAccessResponse { message: "kernel access granted".to_owned(), ..Default::default() })
}
